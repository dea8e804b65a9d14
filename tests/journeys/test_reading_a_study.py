"""From the sign-in form to the pixels of an image, as a person goes, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.builders import ct_series, ct_slice, sr, us_cine, vietnamese_patient, x_ray
from tests.journeys.conftest import Desk

# The middle of the canvas lies in row 32, column 32 of a 64 x 64 image.
MIDDLE = (0.502, 0.502)


def grey_of(value_hu: float, *, center: float, width: float) -> int:
    """The LINEAR function of PS3.3 C.11.2.1.2.1, to eight bits."""
    shade = ((value_hu - (center - 0.5)) / (width - 1) + 0.5) * 255
    return round(min(255.0, max(0.0, shade)))


def test_a_study_is_found_without_marks_and_its_pixels_are_right(desk: Desk) -> None:
    desk.archive.send(
        *ct_series(5, **vietnamese_patient()),
        ct_slice(patient_name="LÊ^VĂN BÌNH", patient_id="7", specific_character_set="ISO_IR 192"),
    )
    desk.sign_in()

    desk.search("anh dang")
    expect(desk.page.locator("[data-study]")).to_have_count(1)
    desk.page.keyboard.press("Enter")
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url(re.compile("/study/"))
    desk.wait_for_picture()
    desk.page.keyboard.press("Home")
    desk.wait_for_picture(0)

    patient = desk.page.locator("[data-testid=patient]")
    expect(patient).to_contain_text("ĐẶNG THỊ NGỌC ÁNH")
    expect(patient).to_contain_text("BN0012345")
    expect(patient).to_contain_text("Nữ, 17/02/1984")
    # Slice 1 rises from -99 HU to 301 HU; its middle is 104 HU, W 400 L 40.
    red, green, blue = desk.pixel(*MIDDLE)
    assert red == green == blue
    assert abs(red - grey_of(104, center=40, width=400)) <= 2


def test_a_key_changes_the_window_and_another_brings_it_back(desk: Desk) -> None:
    desk.archive.send(*ct_series(1, **vietnamese_patient()))
    desk.sign_in()
    desk.page.dblclick("[data-study]")
    desk.wait_for_picture()
    as_sent = desk.pixel(*MIDDLE)

    desk.page.keyboard.press("1")
    expect(desk.page.locator("[data-testid=window]")).to_contain_text("W 1500  L −500 · Phổi")
    desk.wait_for_picture()
    lung = desk.pixel(*MIDDLE)
    desk.page.keyboard.press("i")
    desk.wait_for_picture()
    inverted = desk.pixel(*MIDDLE)
    desk.page.keyboard.press("x")
    desk.wait_for_picture()

    assert abs(lung[0] - grey_of(104, center=-500, width=1500)) <= 2
    assert inverted[0] == 255 - lung[0]
    assert desk.pixel(*MIDDLE) == as_sent


def test_slices_are_scrolled_in_the_order_of_the_body(desk: Desk) -> None:
    slices = ct_series(4, **vietnamese_patient())
    # The machine numbered them in another order than they lie in.
    for number, ds in zip((1, 3, 2, 4), slices, strict=True):
        ds.InstanceNumber = number
    desk.archive.send(*slices)
    desk.sign_in()
    desk.page.dblclick("[data-study]")
    desk.wait_for_picture()

    shown = []
    desk.page.keyboard.press("Home")
    for index in range(4):
        desk.wait_for_picture(index)
        shown.append(desk.page.get_attribute("[data-testid=image]", "data-instance"))
        desk.page.keyboard.press("ArrowDown")
    desk.page.mouse.move(700, 400)
    desk.page.mouse.wheel(0, -100)
    desk.wait_for_picture(2)

    assert shown == [str(ds.SOPInstanceUID) for ds in slices]
    expect(desk.page.locator("[data-testid=orientation]")).to_have_text("ALPR")


def test_colour_plays_as_a_loop_and_is_not_windowed(desk: Desk) -> None:
    desk.archive.send(us_cine(frames=4, **vietnamese_patient()))
    desk.sign_in()
    desk.page.dblclick("[data-study]")
    desk.wait_for_picture(0)
    first = desk.pixel(0.75, 0.25)

    desk.page.keyboard.press("End")
    desk.wait_for_picture(3)
    last = desk.pixel(0.75, 0.25)
    desk.page.keyboard.press(" ")
    desk.wait_for_picture(1)
    desk.page.keyboard.press(" ")

    # Red grows to the right, green downwards, blue with time.
    assert first[0] > 150 > first[1]
    assert first[2] == 0
    assert last == (first[0], first[1], 255)
    expect(desk.page.get_by_role("group", name="Cửa sổ đặt sẵn")).to_have_count(0)


def test_an_object_without_pixels_says_so_and_can_be_saved(desk: Desk) -> None:
    report = sr(**vietnamese_patient())
    desk.archive.send(report)
    desk.sign_in(f"/study/{report.StudyInstanceUID}")

    expect(desk.page.get_by_role("status")).to_contain_text("Báo cáo có cấu trúc (SR)")
    with desk.page.expect_download() as saving:
        desk.page.locator(".pane-state button").click()

    assert saving.value.suggested_filename == f"{report.SOPInstanceUID}.dcm"
    assert saving.value.path().read_bytes()[128:132] == b"DICM"


def test_a_lossy_image_wears_a_notice(desk: Desk) -> None:
    lossy = x_ray(
        lossy_image_compression="01",
        lossy_image_compression_ratio="12",
        lossy_image_compression_method="ISO_10918_1",
        **vietnamese_patient(),
    )
    desk.archive.send(lossy)

    desk.sign_in(f"/study/{lossy.StudyInstanceUID}")

    expect(desk.page.locator("[data-testid=lossy]")).to_have_text(
        "Nén có mất dữ liệu 12:1 · không dùng để chẩn đoán"
    )


def test_a_new_arrival_waits_while_the_pointer_is_in_the_list(desk: Desk) -> None:
    first, second = vietnamese_patient(patient_id="1"), vietnamese_patient(patient_id="2")
    desk.archive.send(ct_slice(**first))
    desk.sign_in()
    expect(desk.page.locator("[data-study]")).to_have_count(1)
    desk.page.hover("[data-study]")

    desk.archive.send(ct_slice(**second))
    expect(desk.page.get_by_role("button", name="1 ca mới đến")).to_be_visible()
    expect(desk.page.locator("[data-study]")).to_have_count(1)
    desk.page.mouse.move(700, 10)

    expect(desk.page.locator("[data-study]")).to_have_count(2)
    expect(desk.page.locator(".tag.new")).to_have_text("Mới")


def test_a_phone_shows_cards_and_opens_one_by_a_tap(phone: Desk) -> None:
    phone.archive.send(*ct_series(3, **vietnamese_patient()))
    phone.sign_in()

    phone.page.tap("[data-study]")
    phone.wait_for_picture()

    wide = phone.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    expect(phone.page.locator("header")).to_contain_text("ĐẶNG THỊ NGỌC ÁNH")
    expect(phone.page.get_by_role("slider")).to_be_visible()


def test_signing_out_leaves_nothing_of_the_patients_on_the_page(desk: Desk) -> None:
    desk.archive.send(ct_slice(**vietnamese_patient()))
    desk.sign_in("/?q=dang")
    expect(desk.page.locator("[data-study]")).to_have_count(1)

    desk.page.get_by_role("button", name="Tài khoản").click()
    desk.page.get_by_role("button", name="Đăng xuất").click()

    expect(desk.page.locator("input[name=password]")).to_be_visible()
    assert "ĐẶNG" not in desk.page.content()
