"""Associations that were refused or broke, told so that whoever looks after machines can act."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Cause(enum.StrEnum):
    UNKNOWN_CALLER = "unknown_caller"
    WRONG_CALLED_TITLE = "wrong_called_title"
    UNKNOWN_APPLICATION_CONTEXT = "unknown_application_context"
    BUSY = "busy"
    DIRECTORY_AWAY = "directory_away"
    NOTHING_IN_COMMON = "nothing_in_common"
    BROKEN_OFF = "broken_off"


@dataclass(frozen=True)
class FailedAssociation:
    """wanted  the services that were asked for, in words. detail  what broke it, if that is known.

    times  how often the same happened; `at` is the last time.
    """

    at: datetime
    cause: Cause
    calling_ae_title: str
    called_ae_title: str
    address: str
    wanted: str
    detail: str = ""
    times: int = 1


class FailedAssociations(Protocol):
    """Remembers the newest of them. IndexUnavailable from all methods."""

    def record(self, failed: FailedAssociation) -> None:
        """The same trouble of the same caller again only raises its count."""
        ...

    def newest(self, limit: int) -> Sequence[FailedAssociation]: ...


_SENTENCES: dict[Cause, tuple[str, str]] = {
    Cause.UNKNOWN_CALLER: (
        "{who} muốn {wanted} nhưng chưa được đăng ký. "
        "Nếu tin cậy máy này: 'pacs peer accept {calling}', hoặc chấp nhận trên trang quản trị.",
        "{who} wanted {wanted} but is not registered. "
        "If you trust it: 'pacs peer accept {calling}', or accept it on the administration page.",
    ),
    Cause.WRONG_CALLED_TITLE: (
        "{who} gọi AE title '{called}', không phải tên của chúng tôi. "
        "Sửa AE title của máy chủ lưu trữ trên máy đó.",
        "{who} called the AE title '{called}', which is not ours. "
        "Correct the archive's AE title on that machine.",
    ),
    Cause.UNKNOWN_APPLICATION_CONTEXT: (
        "{who} không nói giao thức DICOM chuẩn. Kiểm tra xem đó có phải là máy DICOM không.",
        "{who} does not speak standard DICOM. Check whether it is a DICOM machine at all.",
    ),
    Cause.BUSY: (
        "{who} bị từ chối tạm thời vì quá nhiều kết nối cùng lúc. "
        "Máy sẽ tự thử lại; nếu lặp lại, tăng PACS_MAX_ASSOCIATIONS.",
        "{who} was turned away for the moment because too many associations were open. "
        "It will try again; if this repeats, raise PACS_MAX_ASSOCIATIONS.",
    ),
    Cause.DIRECTORY_AWAY: (
        "{who} bị từ chối tạm thời vì cơ sở dữ liệu không trả lời. Kiểm tra cơ sở dữ liệu.",
        "{who} was turned away for the moment because the database did not answer. "
        "Look after the database.",
    ),
    Cause.NOTHING_IN_COMMON: (
        "{who} chỉ yêu cầu dịch vụ mà kho lưu trữ không có ({wanted}). "
        "So sánh với docs/conformance.md.",
        "{who} asked only for what the archive does not serve ({wanted}). "
        "Compare with docs/conformance.md.",
    ),
    Cause.BROKEN_OFF: (
        "Kết nối với {who} bị ngắt giữa chừng: {detail}. "
        "Kiểm tra mạng và máy đó; dữ liệu chưa được xác nhận sẽ được gửi lại.",
        "The association with {who} broke: {detail}. "
        "Check the network and the machine; what was not acknowledged will be sent again.",
    ),
}
"""Who called, what they asked, why it failed, what to do: in Vietnamese and English."""

_NOTHING = {"vi": "không rõ dịch vụ", "en": "no service we know"}


def sentence(failed: FailedAssociation, language: str) -> str:
    """What happened and what to do, in `vi` or `en`."""
    vietnamese, english = _SENTENCES[failed.cause]
    calling = failed.calling_ae_title or "?"
    at = {"vi": f"Máy {calling} ({failed.address})", "en": f"{calling} at {failed.address}"}
    who = at[language]
    template = vietnamese if language == "vi" else english
    if not template.startswith("{who}") and language == "vi":
        who = who[0].lower() + who[1:]
    return template.format(
        who=who,
        calling=calling,
        called=failed.called_ae_title,
        wanted=failed.wanted or _NOTHING[language],
        detail=failed.detail or "?",
    )
