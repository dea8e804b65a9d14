import { expect, it } from 'vitest';
import { referencedTables } from './lookup_tables';
import { expandSegments, paletteColour, readChannel, readPalette } from './palette';
import { pack } from './pixels';

const words = (...values: number[]): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);
const channel = (first: number, data: Uint8Array, count = 3) => ({ descriptor: [count, first, 16], data });

it('brings sixteen bit entries to eight', () => {
  expect([...readChannel(channel(0, words(0, 0x8000, 0xffff)))]).toEqual([0, 128, 255]);
});

it('reads eight bit values that stand in sixteen bit entries', () => {
  expect([...readChannel(channel(0, words(0, 128, 255)))]).toEqual([0, 128, 255]);
});

it('reads eight bit entries packed one per byte', () => {
  expect([...readChannel({ descriptor: [4, 0, 8], data: Uint8Array.of(1, 2, 3, 4) })]).toEqual([1, 2, 3, 4]);
});

it('takes zero entries for 65 536', () => {
  expect(readChannel({ descriptor: [0, 0, 16], data: new Uint8Array(131072) })).toHaveLength(65536);
});

it('gives the first colour below its range and the last above it', () => {
  const palette = readPalette(channel(10, words(0, 1, 0xff00)), channel(10, words(0, 0, 0xff00)), channel(10, words(0xff00, 0, 0)));
  expect(paletteColour(palette, 3)).toBe(pack(0, 0, 255));
  expect(paletteColour(palette, 12)).toBe(pack(255, 255, 0));
  expect(paletteColour(palette, 500)).toBe(pack(255, 255, 0));
});

it('writes out runs, lines and repetitions of a segmented table', () => {
  // Two values, a line of four steps to 50, then the line once more (it begins at byte 8).
  const segments = words(0, 2, 0, 10, 1, 4, 50, 2, 1, 8, 0);
  expect([...new Uint16Array(expandSegments(segments, 16).buffer)]).toEqual([0, 10, 20, 30, 40, 50, 50, 50, 50, 50]);
});

it('ends where a segmented table makes no sense', () => {
  expect(expandSegments(words(9, 9, 9, 9), 16)).toHaveLength(0);
  expect(expandSegments(Uint8Array.of(0, 2, 7, 8), 8)).toEqual(Uint8Array.of(7, 8));
});

it('finds the tables a data set only refers to, in sequences too', () => {
  const data = { vr: 'OW', BulkDataURI: '/dicom-web/x' };
  const dataset = { '00281201': data, '00283010': { vr: 'SQ', Value: [{ '00283006': data }] }, '7FE00010': data };
  expect(referencedTables(dataset)).toEqual([data, data]);
});
