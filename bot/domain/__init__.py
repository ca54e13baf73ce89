"""Pure rules: no I/O, no session, no sentence; the present moment is always an argument."""
