"""The web room: a small chat in the browser, a platform like the others."""
