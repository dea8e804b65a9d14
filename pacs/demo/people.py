"""Who the synthetic studies are about and where they were made. Nobody here exists."""

from __future__ import annotations

from dataclasses import dataclass

INSTITUTION = "Bệnh viện Đa khoa Minh Họa"
DEPARTMENT = "Khoa Chẩn đoán hình ảnh"
MANUFACTURER = "Synthetic pictures, not for diagnosis"


@dataclass(frozen=True)
class Patient:
    name: str
    patient_id: str
    birth_date: str
    sex: str


ANH = Patient("ĐẶNG^THỊ NGỌC ÁNH", "MH26001873", "19670412", "F")
DUC = Patient("NGUYỄN^VĂN ĐỨC", "MH26001902", "19881130", "M")
QUYEN = Patient("TRẦN^LỆ QUYÊN", "MH26001911", "19540903", "F")

REFERRING = "PHẠM^HỮU ƯỚC"
"""The physician who asked for the examinations."""
