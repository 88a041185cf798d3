"""The same shop on Django."""

from xml.dom import minidom

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

from tests.recipes.on_wsgi.middleware import collecting
from tests.recipes.orders import ORDERS

if not settings.configured:
    settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="-", ALLOWED_HOSTS=["127.0.0.1"])
    django.setup()


def orders(request):
    """Count the items that were ordered."""
    document = minidom.parseString(ORDERS)
    return HttpResponse(str(len(document.getElementsByTagName("item"))))


urlpatterns = [path("orders", orders)]

# begin
application = collecting(get_wsgi_application())
# end
