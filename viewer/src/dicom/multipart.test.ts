import { expect, it } from 'vitest';
import { firstPart } from './multipart';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const TYPE = 'multipart/related; type="application/dicom"; boundary="b-1"';

it('takes the first part without its headers', () => {
  const body = encode('--b-1\r\nContent-Type: application/dicom\r\n\r\nDICM\r\n\r\n!\r\n--b-1--\r\n');
  expect(new TextDecoder().decode(firstPart(body, TYPE))).toBe('DICM\r\n\r\n!');
});

it('keeps bytes that look like the beginning of a boundary', () => {
  const body = encode('--b-1\r\nA: b\r\n\r\none\r\n--b-2 two\r\n--b-1--');
  expect(new TextDecoder().decode(firstPart(body, 'multipart/related; boundary=b-1'))).toBe('one\r\n--b-2 two');
});

it('gives the whole body of an answer that is not multipart', () => {
  const body = encode('pixels');
  expect(firstPart(body, 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1')).toBe(body);
});

it('refuses an answer that was cut off', () => {
  expect(() => firstPart(encode('--b-1\r\nA: b\r\n\r\nhalf'), TYPE)).toThrow('ends inside a part');
});
