"""The demo: events go through the whole system, from an API call to a verified signature at a receiver.

The hub runs in this process and is used over HTTP, as by any client. ``scenario`` makes the calls, ``screen`` shows them.
"""
