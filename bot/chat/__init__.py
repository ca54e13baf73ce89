"""Chat: the port and its values, the router behind it, the dispatcher, and one room for each platform."""
