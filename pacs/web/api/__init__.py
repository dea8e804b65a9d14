"""The viewer's own interface: sessions, the worklist, changes and facts about the archive."""
