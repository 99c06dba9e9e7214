"""The WSGI callable, as gunicorn looks for it."""

from meldingen.store import Store
from meldingen.web import Web

application = Web(Store.from_environment())
