/** What stands in the corners of the image, as on film: pure text from the data set and the view. */
import { formatDate, formatNumber, formatTime, formatWindowValue } from '../app/format';
import { t } from '../app/i18n';
import type { FrameSlide } from '../dicom/frames';
import { number, personName, text, type DicomJson } from '../dicom/json';
import { dot, normalOf } from '../dicom/orientation';
import { formatPersonName } from '../dicom/person_name';
import * as tag from '../dicom/tags';
import { joined, sexWord } from '../ui/study_words';
import type { Painted } from './viewport';

/** Name, ID, sex and birth date of the patient *of this image*. */
export function patientLines({ dataset }: FrameSlide): string[] {
  return [
    formatPersonName(personName(dataset, tag.PatientName)) || t('row.no_name'),
    text(dataset, tag.PatientID),
    joined(', ', sexWord(text(dataset, tag.PatientSex)), formatDate(text(dataset, tag.PatientBirthDate))),
  ];
}

export function studyLines({ dataset }: FrameSlide): string[] {
  const date = text(dataset, tag.StudyDate) || text(dataset, tag.AcquisitionDate);
  const time = text(dataset, tag.StudyTime) || text(dataset, tag.AcquisitionTime);
  return [
    text(dataset, tag.InstitutionName),
    text(dataset, tag.AccessionNumber),
    joined(' ', formatDate(date), formatTime(time, { seconds: true })),
  ];
}

export function seriesLine({ dataset }: FrameSlide): string {
  const seriesNumber = number(dataset, tag.SeriesNumber);
  return joined(
    ' · ',
    seriesNumber === null ? '' : t('look.series_number', { n: seriesNumber }),
    text(dataset, tag.SeriesDescription),
    joined(' ', text(dataset, tag.ViewPosition), laterality(dataset)),
  );
}

/** R, L or B(oth); U says that the part has no sides, which needs no saying. */
function laterality(dataset: DicomJson): string {
  const side = text(dataset, tag.ImageLaterality) || text(dataset, tag.Laterality);
  return side === 'U' ? '' : side;
}

/** Tube or sequence: what a technician asks about first. */
export function techniqueLine({ dataset }: FrameSlide): string {
  return joined(
    ' · ',
    value(dataset, tag.KVP, 'look.kv'),
    value(dataset, tag.XRayTubeCurrent, 'look.ma'),
    value(dataset, tag.RepetitionTime, 'look.tr'),
    value(dataset, tag.EchoTime, 'look.te'),
  );
}

export function sliceLine(slide: FrameSlide): string {
  const location = locationMm(slide);
  return joined(
    ' · ',
    thicknessText(slide),
    location === null ? '' : t('look.location', { mm: formatNumber(location, 1, { fixed: true }) }),
  );
}

export function thicknessText({ thicknessMm }: FrameSlide): string {
  return thicknessMm === null ? '' : t('look.thickness', { mm: formatNumber(thicknessMm, 1, { fixed: true }) });
}

/** How far along its normal the slice lies. */
function locationMm({ position, orientation, dataset }: FrameSlide): number | null {
  if (position && orientation) return dot(position, normalOf(orientation));
  return number(dataset, tag.SliceLocation);
}

function value(dataset: DicomJson, name: string, words: 'look.kv' | 'look.ma' | 'look.tr' | 'look.te'): string {
  const found = number(dataset, name);
  return found === null || found === 0 ? '' : t(words, { n: formatNumber(found, 1) });
}

/** `W 1500  L −500`, or the explanation of the table in force. */
export function windowLine({ voi }: Painted): string {
  if (!voi) return '';
  if (!('width' in voi)) return t('look.table');
  return t('look.window', { width: formatWindowValue(voi.width), center: formatWindowValue(voi.center) });
}

/** What one step of the stack is called. */
export function stepWord(slide: FrameSlide): string {
  if (slide.frameCount > 1 && !slide.position) return t('look.frame');
  return t(slide.orientation ? 'look.slice' : 'look.picture');
}
