import { expect, it } from 'vitest';
import { formatPersonName, initials } from './person_name';

it('shows the family name first, without carets', () => {
  expect(formatPersonName('ĐẶNG^THỊ NGỌC ÁNH')).toBe('ĐẶNG THỊ NGỌC ÁNH');
  expect(formatPersonName('Nguyễn^Văn^An')).toBe('Nguyễn Văn An');
});

it('puts a title before and a suffix after', () => {
  expect(formatPersonName('Lê^Hiếu^Trung^BS.^CKII')).toBe('BS. Lê Hiếu Trung CKII');
});

it('shows the ideographic group in brackets and leaves the phonetic one out', () => {
  expect(formatPersonName('Yamada^Tarou=山田^太郎=やまだ^たろう')).toBe('Yamada Tarou (山田 太郎)');
  expect(formatPersonName('=山田^太郎')).toBe('山田 太郎');
});

it('has nothing to show for an empty name', () => {
  expect(formatPersonName('')).toBe('');
  expect(formatPersonName('^^^^')).toBe('');
  expect(formatPersonName(null)).toBe('');
});

it('makes initials of the first and last word, marks kept', () => {
  expect(initials('Đỗ Thị Nguyệt')).toBe('ĐN');
  expect(initials('admin')).toBe('A');
  expect(initials('')).toBe('');
});
