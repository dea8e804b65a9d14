import { describe, expect, it } from 'vitest';
import { FrameTooShort, frameBytes, fromPattern, fromYbr, pack, readColour, readGray, type PixelLayout } from './pixels';

const GRAY: PixelLayout = {
  rows: 1, columns: 4, samplesPerPixel: 1, bitsAllocated: 16, bitsStored: 16, highBit: 15,
  signed: false, kind: 'integer', photometric: 'MONOCHROME2', planar: false,
};
const COLOUR: PixelLayout = { ...GRAY, columns: 2, samplesPerPixel: 3, bitsAllocated: 8, bitsStored: 8, highBit: 7, photometric: 'RGB' };

const words = (...values: number[]): ArrayBuffer => Uint16Array.from(values).buffer;
const bytes = (...values: number[]): ArrayBuffer => Uint8Array.from(values).buffer;

function stored(buffer: ArrayBuffer, layout: PixelLayout): number[] {
  const { values, patternBits } = readGray(buffer, layout);
  return Array.from(values, (raw) => (patternBits === null ? raw : fromPattern(raw, patternBits, layout.signed)));
}

describe('grey frames', () => {
  it('reads sixteen bits unsigned and signed', () => {
    expect(stored(words(0, 1, 32768, 65535), GRAY)).toEqual([0, 1, 32768, 65535]);
    expect(stored(words(0, 1, 32768, 65535), { ...GRAY, signed: true })).toEqual([0, 1, -32768, -1]);
  });

  it('extends the sign from the stored bits, not from the allocated ones', () => {
    const layout = { ...GRAY, bitsStored: 12, highBit: 11, signed: true };
    expect(stored(words(0x0800, 0x0fff, 0x07ff, 0), layout)).toEqual([-2048, -1, 2047, 0]);
  });

  it('drops what lies above the high bit', () => {
    const layout = { ...GRAY, bitsStored: 12, highBit: 11 };
    expect(stored(words(0xf123, 0x1001, 0x0fff, 0x8000), layout)).toEqual([0x123, 1, 0xfff, 0]);
  });

  it('shifts values whose high bit is not the lowest possible', () => {
    const layout = { ...GRAY, bitsStored: 12, highBit: 15 };
    expect(stored(words(0x1230, 0xfff0, 0x0010, 0x000f), layout)).toEqual([0x123, 0xfff, 1, 0]);
  });

  it('reads eight bits signed', () => {
    const layout = { ...GRAY, bitsAllocated: 8, bitsStored: 8, highBit: 7, signed: true };
    expect(stored(bytes(0, 127, 128, 255), layout)).toEqual([0, 127, -128, -1]);
  });

  it('unpacks single bits, the first pixel lowest', () => {
    const layout = { ...GRAY, rows: 2, columns: 5, bitsAllocated: 1, bitsStored: 1, highBit: 0 };
    expect(stored(bytes(0b0100_0001, 0b10), layout)).toEqual([1, 0, 0, 0, 0, 0, 1, 0, 0, 1]);
  });

  it('reads 32 bit integers and floats as they are', () => {
    const layout = { ...GRAY, columns: 2, bitsAllocated: 32, bitsStored: 32, highBit: 31 };
    expect(stored(Uint32Array.of(7, 4_000_000_000).buffer, layout)).toEqual([7, 4_000_000_000]);
    expect(stored(Int32Array.of(-7, 7).buffer, { ...layout, signed: true })).toEqual([-7, 7]);
    expect(stored(Float32Array.of(0.5, -2).buffer, { ...layout, kind: 'float' })).toEqual([0.5, -2]);
    expect(stored(Float64Array.of(0.1, 1e9).buffer, { ...layout, bitsAllocated: 64, kind: 'double' })).toEqual([0.1, 1e9]);
  });

  it('refuses a frame with too few bytes and says how many', () => {
    expect(() => readGray(new ArrayBuffer(6), GRAY)).toThrow(FrameTooShort);
    expect(() => readGray(new ArrayBuffer(6), GRAY)).toThrow('6 bytes of 8');
  });
});

describe('colour frames', () => {
  it('reads RGB by pixel and by plane alike', () => {
    const red = pack(255, 0, 0);
    const mixed = pack(1, 2, 3);
    expect([...readColour(bytes(255, 0, 0, 1, 2, 3), COLOUR).rgba]).toEqual([red, mixed]);
    expect([...readColour(bytes(255, 1, 0, 2, 0, 3), { ...COLOUR, planar: true }).rgba]).toEqual([red, mixed]);
  });

  it('turns YBR_FULL into RGB', () => {
    const layout = { ...COLOUR, photometric: 'YBR_FULL' };
    // Y 76, Cb 85, Cr 255 is pure red, to the rounding of the equations.
    expect([...readColour(bytes(76, 85, 255, 100, 128, 128), layout).rgba]).toEqual([pack(254, 0, 0), pack(100, 100, 100)]);
  });

  it('shares chroma between two pixels in YBR_FULL_422', () => {
    const layout = { ...COLOUR, photometric: 'YBR_FULL_422' };
    expect(frameBytes(layout)).toBe(4);
    expect([...readColour(bytes(10, 200, 128, 128), layout).rgba]).toEqual([pack(10, 10, 10), pack(200, 200, 200)]);
  });

  it('stretches the video range of YBR_PARTIAL_422', () => {
    expect(fromYbr(16, 128, 128, true)).toBe(pack(0, 0, 0));
    expect(fromYbr(235, 128, 128, true)).toBe(pack(255, 255, 255));
  });

  it('brings sixteen bit colour to eight', () => {
    const layout = { ...COLOUR, columns: 1, bitsAllocated: 16, bitsStored: 16, highBit: 15 };
    expect([...readColour(words(0xff00, 0x8000, 0x00ff), layout).rgba]).toEqual([pack(255, 128, 0)]);
  });
});
