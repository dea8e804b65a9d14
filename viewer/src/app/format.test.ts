import { afterEach, describe, expect, it } from 'vitest';
import { dayIn, formatDate, formatInstant, formatNumber, formatSize, formatTime, formatWindowValue, yearOf } from './format';
import { language } from './i18n';

afterEach(() => {
  language.value = 'vi';
});

describe('dates and times', () => {
  it('are day first, from ISO and from DICOM alike', () => {
    expect(formatDate('2026-11-19')).toBe('19/11/2026');
    expect(formatDate('20261119')).toBe('19/11/2026');
    expect(formatDate(null)).toBe('');
  });

  it('keep what is no date as it came', () => {
    expect(formatDate('1968')).toBe('1968');
  });

  it('have 24 hours', () => {
    expect(formatTime('09:42:16')).toBe('09:42');
    expect(formatTime('214216.123')).toBe('21:42');
    expect(formatTime('214216', { seconds: true })).toBe('21:42:16');
    expect(formatTime('')).toBe('');
  });

  it('are those of the hospital, not of the reader', () => {
    const late = new Date('2026-11-19T18:30:00Z');
    expect(dayIn(late, 'Asia/Ho_Chi_Minh')).toBe('2026-11-20');
    expect(dayIn(late, 'UTC')).toBe('2026-11-19');
    expect(formatInstant('2026-11-19T18:30:00Z', 'Asia/Ho_Chi_Minh')).toEqual({ date: '20/11/2026', time: '01:30' });
  });

  it('give the year of birth', () => {
    expect(yearOf('1968-02-14')).toBe('1968');
    expect(yearOf(null)).toBe('');
  });
});

describe('numbers', () => {
  it('have a decimal comma in Vietnamese and a point in English', () => {
    expect(formatNumber(1248)).toBe('1.248');
    expect(formatNumber(-539.8, 1)).toBe('−539,8');
    language.value = 'en';
    expect(formatNumber(-539.8, 1)).toBe('−539.8');
  });

  it('are never grouped in a window', () => {
    expect(formatWindowValue(1500)).toBe('1500');
    expect(formatWindowValue(-500)).toBe('−500');
    expect(formatWindowValue(0.125)).toBe('0,125');
  });

  it('say sizes in the unit that fits', () => {
    expect(formatSize(512)).toBe('512 byte');
    expect(formatSize(48 * 1024)).toBe('48 KB');
    expect(formatSize(5.25 * 1024 * 1024)).toBe('5,3 MB');
  });
});
