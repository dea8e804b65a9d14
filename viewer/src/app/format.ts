/** Dates, times, numbers and sizes, written as the reader's language writes them. */
import { language } from './i18n';

/** `2026-11-19` or DICOM's `20261119` as 19/11/2026; anything else as it came. */
export function formatDate(date: string | null | undefined): string {
  if (!date) return '';
  const parts = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(date.trim());
  return parts ? `${parts[3]}/${parts[2]}/${parts[1]}` : date;
}

export function yearOf(date: string | null | undefined): string {
  return /^\d{4}/.exec(date ?? '')?.[0] ?? '';
}

/** `09:42:16` or DICOM's `094216.123` as 09:42, or 09:42:16 with seconds. */
export function formatTime(time: string | null | undefined, { seconds = false } = {}): string {
  const parts = /^(\d{2}):?(\d{2})(?::?(\d{2}))?/.exec(time?.trim() ?? '');
  if (!parts) return '';
  return seconds && parts[3] ? `${parts[1]}:${parts[2]}:${parts[3]}` : `${parts[1]}:${parts[2]}`;
}

/** An instant (ISO 8601, UTC) as the wall clock of the hospital. */
export function formatInstant(instant: string, timeZone: string | undefined): { date: string; time: string } {
  const moment = new Date(instant);
  if (Number.isNaN(moment.getTime())) return { date: '', time: '' };
  return {
    date: formatDate(dayIn(moment, timeZone)),
    time: moment.toLocaleTimeString('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }),
  };
}

/** The calendar day of an instant in a time zone, as YYYY-MM-DD. */
export function dayIn(moment: Date, timeZone: string | undefined): string {
  // 'sv-SE' is the locale whose short date is ISO 8601.
  return moment.toLocaleDateString('sv-SE', { timeZone });
}

/** A number with at most `digits` decimals (exactly that many when `fixed`), true minus sign. */
export function formatNumber(value: number, digits = 0, { fixed = false } = {}): string {
  const locale = language.value === 'vi' ? 'vi-VN' : 'en-GB';
  return value
    .toLocaleString(locale, { maximumFractionDigits: digits, minimumFractionDigits: fixed ? digits : 0 })
    .replace('-', '−');
}

/** A window value: short, and never grouped, because `1.500` next to `W` would be read as one and a half. */
export function formatWindowValue(value: number): string {
  const digits = Math.abs(value) >= 20 ? 0 : Math.abs(value) >= 1 ? 1 : 3;
  const locale = language.value === 'vi' ? 'vi-VN' : 'en-GB';
  return value.toLocaleString(locale, { maximumFractionDigits: digits, useGrouping: false }).replace('-', '−');
}

const SIZE_UNITS = ['byte', 'KB', 'MB', 'GB', 'TB'] as const;

export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${formatNumber(value, unit > 1 && value < 100 ? 1 : 0)} ${SIZE_UNITS[unit]}`;
}
