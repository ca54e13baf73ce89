"""What can be done with ideas, one function an action: load, authorise, decide, save, mark what chat must show.

Each takes a Session inside one transaction and returns a value; none talks to chat and none writes a sentence.
"""
