"""The same shop on FastAPI."""

from xml.dom import minidom

from fastapi import FastAPI

from tests.recipes.on_uvicorn.middleware import CollectBetweenRequests
from tests.recipes.orders import ORDERS

# begin
app = FastAPI()
app.add_middleware(CollectBetweenRequests)
# end


@app.get("/orders")
async def orders():
    """Count the items that were ordered."""
    document = minidom.parseString(ORDERS)
    return len(document.getElementsByTagName("item"))
