"""A shop on Flask, whose requests leave cycles behind."""

from xml.dom import minidom

from flask import Flask

from tests.recipes.on_wsgi.middleware import collecting
from tests.recipes.orders import ORDERS

# begin
app = Flask(__name__)
app.wsgi_app = collecting(app.wsgi_app)
# end


@app.get("/orders")
def orders():
    """Count the items that were ordered."""
    document = minidom.parseString(ORDERS)  # nodes refer to their parents
    return str(len(document.getElementsByTagName("item")))
