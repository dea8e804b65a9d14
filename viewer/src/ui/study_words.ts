/** How the fields of a study are said in a row, a card or a heading. */
import { formatDate, formatInstant, formatTime, yearOf } from '../app/format';
import { known, t } from '../app/i18n';
import type { StudyRow } from '../app/wire';
import { formatPersonName } from '../dicom/person_name';

export function patientName(study: StudyRow): string {
  return formatPersonName(study.patient_name) || t('row.no_name');
}

export function sexWord(sex: string | null): string {
  return sex ? (known(`sex.${sex}`) ?? sex) : '';
}

/** `Nữ, 1968`, or what there is of it. */
export function sexAndYear(study: StudyRow): string {
  return joined(', ', sexWord(study.patient_sex), yearOf(study.patient_birth_date));
}

/** `Nữ, 14/02/1968`. */
export function sexAndBirthDate(study: StudyRow): string {
  return joined(', ', sexWord(study.patient_sex), formatDate(study.patient_birth_date));
}

/** The body part in the reader's language; terms no table has stay as the machine sent them. */
export function bodyPart(study: Pick<StudyRow, 'body_parts'>): string {
  const words = study.body_parts.map((part) => known(`body.${part.toUpperCase().replace(/[\s_-]/g, '')}`) ?? part);
  return [...new Set(words)].join(', ');
}

export function description(study: StudyRow): { part: string; words: string } {
  return { part: bodyPart(study), words: study.study_description ?? '' };
}

export function studyMoment(study: StudyRow): { date: string; time: string } {
  return { date: formatDate(study.study_date), time: formatTime(study.study_time) };
}

/** When the first instance came: the time alone for today's, else the date. */
export function receivedMoment(study: StudyRow, timeZone: string | undefined, today: string): string {
  if (!study.received_at) return '';
  const moment = formatInstant(study.received_at, timeZone);
  return moment.date === formatDate(today) ? moment.time : moment.date;
}

export function referredBy(study: StudyRow): string {
  return study.department || formatPersonName(study.referring_physician_name);
}

export function joined(separator: string, ...parts: ReadonlyArray<string | null | undefined>): string {
  return parts.filter(Boolean).join(separator);
}
