"""docker-compose.yml starts a safe installation: pinned, healthy, and without a known password."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import pacs
from deploy.make_secrets import make_secrets
from pacs.settings import Settings, read_settings
from tests.needs import PROJECT

COMPOSE = PROJECT / "docker-compose.yml"
ONE_SHOT = {"secrets", "migrate", "objects-durable"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def test_every_image_names_one_version(services: dict[str, dict[str, Any]]) -> None:
    images = {service["image"] for service in services.values()}

    assert all(re.search(r":\d+\.\d+", image) for image in images), images
    assert f"pacs:{pacs.__version__}" in images


def test_every_base_image_names_one_version() -> None:
    bases = re.findall(r"^FROM (\S+)", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)

    assert len(set(bases)) == 1
    assert re.search(r":\d+\.\d+\.\d+", bases[0])


def test_every_lasting_service_tells_its_health(services: dict[str, dict[str, Any]]) -> None:
    lasting = {name for name in services if name not in ONE_SHOT}

    assert lasting == {"archive", "database", "objects"}
    for name in lasting:
        assert services[name]["healthcheck"]["test"][0] == "CMD"
        assert services[name]["restart"] == "unless-stopped"


def test_nobody_starts_before_what_they_need(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for needed, rule in service.get("depends_on", {}).items():
            one_shot = needed in ONE_SHOT
            expected = "service_completed_successfully" if one_shot else "service_healthy"

            assert rule == {"condition": expected}


def test_what_must_last_lies_in_named_volumes(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    mounts = [mount for service in services.values() for mount in service.get("volumes", [])]

    assert {mount.split(":")[0] for mount in mounts} == set(compose["volumes"])
    assert "archive:/var/lib/pacs" in services["archive"]["volumes"]
    assert "database:/var/lib/postgresql/data" in services["database"]["volumes"]
    assert "objects:/data" in services["objects"]["volumes"]


def test_the_archive_runs_without_privileges(services: dict[str, dict[str, Any]]) -> None:
    for name in ("archive", "migrate", "secrets"):
        service = services[name]

        assert service["user"].split(":")[0] not in ("0", "root")
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


def test_only_the_archive_is_published(services: dict[str, dict[str, Any]]) -> None:
    published = {name for name, service in services.items() if service.get("ports")}

    assert published == {"archive"}


def test_no_password_is_written_down(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|ACCESS_KEY|DATABASE_URL", name):
                assert name.endswith("_FILE")
                assert value.startswith("/secrets/")


def test_every_setting_of_the_archive_exists(services: dict[str, dict[str, Any]]) -> None:
    names = {name.removesuffix("_FILE") for name in services["archive"]["environment"]}

    assert names <= {f"PACS_{field.upper()}" for field in Settings.model_fields}


def test_the_settings_are_accepted_together(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    make_secrets(tmp_path)
    environment = {
        name: value.replace("/secrets", str(tmp_path))
        for name, value in services["archive"]["environment"].items()
    }

    settings = read_settings(environment)

    assert settings.auth == "required"
    assert settings.admitted == "registered"
    assert settings.database_url is not None
    assert settings.database_url.startswith("postgresql+psycopg://pacs:")


def test_each_service_is_given_only_its_own_secrets(services: dict[str, dict[str, Any]]) -> None:
    for name in ("archive", "database", "objects"):
        mounts = [mount for mount in services[name]["volumes"] if "secrets" in mount]

        assert mounts == [f"{name}-secrets:/secrets/{name}:ro"]


def test_secrets_agree_with_each_other(tmp_path: Path) -> None:
    assert make_secrets(tmp_path)

    identity = json.loads((tmp_path / "objects/s3.json").read_text())["identities"][0]
    credentials = identity["credentials"][0]
    password = (tmp_path / "database/password").read_text()
    assert credentials["accessKey"] == (tmp_path / "archive/s3-access-key").read_text()
    assert credentials["secretKey"] == (tmp_path / "archive/s3-secret-key").read_text()
    assert f":{password}@database:" in (tmp_path / "archive/database-url").read_text()
    assert len(password) > 30


def test_secrets_are_made_once(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    before = (tmp_path / "database/password").read_text()

    assert not make_secrets(tmp_path)
    assert (tmp_path / "database/password").read_text() == before


def test_no_two_installations_share_a_password(tmp_path: Path) -> None:
    make_secrets(tmp_path / "one")
    make_secrets(tmp_path / "other")

    one = (tmp_path / "one/database/password").read_text()
    assert one != (tmp_path / "other/database/password").read_text()
