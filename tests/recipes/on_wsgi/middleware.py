"""Decide after each response: a WSGI middleware for Django, Flask and their like."""

import gcwise


def collecting(app):
    """Hold automatic collection back during each request, and decide when it is closed."""

    @gcwise.batch("request")
    def application(environ, start_response):
        body = app(environ, start_response)
        try:
            yield from body  # each part is sent before the next is asked for
        finally:
            if hasattr(body, "close"):
                body.close()

    return application
