"""A local page to search an index with; read commands.py, running.py, app.py, answers.py, state.py …"""
