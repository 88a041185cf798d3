"""A shop on Starlette, whose requests leave cycles behind."""

from xml.dom import minidom

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.recipes.on_uvicorn.middleware import CollectBetweenRequests
from tests.recipes.orders import ORDERS


async def orders(request):
    document = minidom.parseString(ORDERS)  # nodes refer to their parents
    return PlainTextResponse(str(len(document.getElementsByTagName("item"))))


# begin
app = Starlette(
    routes=[Route("/orders", orders)],
    middleware=[Middleware(CollectBetweenRequests)],
)
# end
