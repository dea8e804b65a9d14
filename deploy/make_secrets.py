"""Makes the passwords of an installation, once; docker-compose.yml runs it before anything else.

Every service sees only the folder that is its own. What exists is never changed: the database keeps
the password it was made with.
"""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path

BUCKET_ACTIONS = ("Admin", "Read", "List", "Tagging", "Write")


def make_secrets(folder: Path) -> bool:
    """Write what is missing below `folder`. False when everything was there already."""
    done = folder / "archive" / "complete"
    if done.exists():
        return False
    for name, text in _files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        # The folder is mounted into one service only, whose user has another number than ours.
        path.chmod(0o444)
    done.touch()
    return True


def _files() -> dict[str, str]:
    database_password = secrets.token_urlsafe(32)
    access_key, secret_key = secrets.token_hex(10), secrets.token_urlsafe(32)
    identity = {
        "name": "archive",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": list(BUCKET_ACTIONS),
    }
    return {
        "database/password": database_password,
        "objects/s3.json": json.dumps({"identities": [identity]}, indent=2),
        "archive/database-url": f"postgresql+psycopg://pacs:{database_password}@database:5432/pacs",
        "archive/s3-access-key": access_key,
        "archive/s3-secret-key": secret_key,
    }


if __name__ == "__main__":
    made = make_secrets(Path(sys.argv[1]))
    print("Passwords made." if made else "Passwords were there already.")
