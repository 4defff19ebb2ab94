"""Requests sent when they were intended, whatever becomes of those before them, and what that came to.

outcome = await send(planned, Target.of("http://127.0.0.1:8080"))
"""
