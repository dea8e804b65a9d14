import { describe, expect, it } from 'vitest';
import { layoutOf, unfold, type FrameSlide } from './frames';
import type { Attribute, DicomJson } from './json';

const attribute = (vr: string, ...Value: unknown[]): Attribute => ({ vr, Value });

const CT: DicomJson = {
  '00080016': attribute('UI', '1.2.840.10008.5.1.4.1.1.2'),
  '00080018': attribute('UI', '1.2.3'),
  '00083002': attribute('UI', '1.2.840.10008.1.2.1'),
  '00200013': attribute('IS', 7),
  '00200032': attribute('DS', 1, 2, 3),
  '00200037': attribute('DS', 1, 0, 0, 0, 1, 0),
  '00280002': attribute('US', 1),
  '00280004': attribute('CS', 'MONOCHROME2'),
  '00280010': attribute('US', 4),
  '00280011': attribute('US', 6),
  '00280030': attribute('DS', '0.5', '0.5'),
  '00280100': attribute('US', 16),
  '00280101': attribute('US', 12),
  '00280102': attribute('US', 11),
  '00280103': attribute('US', 0),
  '00281050': attribute('DS', 40, 400),
  '00281051': attribute('DS', 80, 2000),
  '00281052': attribute('DS', -1024),
  '00281053': attribute('DS', 1),
  '00281055': attribute('LO', 'BRAIN', 'BONE'),
};

const frames = (dataset: DicomJson): FrameSlide[] => unfold(dataset).filter((slide) => slide.kind === 'frame');

describe('a single image', () => {
  it('is one slide with all that painting needs', () => {
    const [slide] = frames(CT);
    expect(slide).toMatchObject({
      sopInstanceUid: '1.2.3', instanceNumber: 7, frameNumber: 1, frameCount: 1, position: [1, 2, 3],
      modality: { kind: 'line', slope: 1, intercept: -1024 }, lossy: null, padding: null, aspect: 1,
    });
    expect(slide!.layout).toMatchObject({ rows: 4, columns: 6, bitsAllocated: 16, bitsStored: 12, highBit: 11, signed: false, kind: 'integer' });
  });

  it('offers every window of the machine, with its explanation', () => {
    expect(frames(CT)[0]!.vois).toEqual([
      { kind: 'window', window: { center: 40, width: 80, function: 'LINEAR' }, explanation: 'BRAIN' },
      { kind: 'window', window: { center: 400, width: 2000, function: 'LINEAR' }, explanation: 'BONE' },
    ]);
  });

  it('offers no window whose width is zero', () => {
    expect(frames({ ...CT, '00281051': attribute('DS', 0, 0) })[0]!.vois).toEqual([]);
  });

  it('puts a VOI table before the windows', () => {
    const table: DicomJson = {
      '00283002': attribute('US', 2, 5, 8),
      '00283003': attribute('LO', 'THORAX'),
      '00283006': attribute('US', 0, 255),
    };
    const [first] = frames({ ...CT, '00283010': attribute('SQ', table) })[0]!.vois;
    expect(first).toEqual({ kind: 'table', table: { first: 5, entries: [0, 255], bits: 8 }, explanation: 'THORAX' });
  });

  it('knows a range of padding in either order', () => {
    const padded = { ...CT, '00280120': attribute('US', 4000), '00280121': attribute('US', 3000) };
    expect(frames(padded)[0]!.padding).toEqual({ from: 3000, to: 4000 });
  });

  it('says when it was lossy, and how much', () => {
    expect(frames({ ...CT, '00282110': attribute('CS', '01'), '00282112': attribute('DS', 4, 12) })[0]!.lossy).toEqual({ ratio: 12 });
    expect(frames({ ...CT, '00083002': attribute('UI', '1.2.840.10008.1.2.4.50') })[0]!.lossy).toEqual({ ratio: null });
  });
});

describe('an enhanced multi-frame image', () => {
  const position = (z: number): DicomJson => ({ '00209113': attribute('SQ', { '00200032': attribute('DS', 0, 0, z) }) });
  const ENHANCED: DicomJson = {
    ...CT,
    '00280008': attribute('IS', 2),
    '52009229': attribute('SQ', {
      '00209116': attribute('SQ', { '00200037': attribute('DS', 0, 1, 0, 0, 0, -1) }),
      '00289110': attribute('SQ', { '00280030': attribute('DS', 2, 1), '00180050': attribute('DS', 3) }),
      '00289145': attribute('SQ', { '00281052': attribute('DS', 5), '00281053': attribute('DS', 2) }),
    }),
    '52009230': attribute(
      'SQ',
      position(10),
      { ...position(20), '00289132': attribute('SQ', { '00281050': attribute('DS', 600), '00281051': attribute('DS', 1200) }), '00289145': attribute('SQ', { '00281052': attribute('DS', 0), '00281053': attribute('DS', 9) }) },
    ),
  };

  it('gives each frame its own position and what all share', () => {
    const slides = frames(ENHANCED);
    expect(slides.map((slide) => [slide.frameNumber, slide.position?.[2]])).toEqual([[1, 10], [2, 20]]);
    expect(slides[0]).toMatchObject({ spacing: { rowMm: 2, columnMm: 1 }, aspect: 2, thicknessMm: 3, orientation: { row: [0, 1, 0] } });
  });

  it('lets a frame’s own rescale and window win over the shared ones', () => {
    const [first, second] = frames(ENHANCED);
    expect(first!.modality).toEqual({ kind: 'line', slope: 2, intercept: 5 });
    expect(second!.modality).toEqual({ kind: 'line', slope: 9, intercept: 0 });
    expect(first!.vois).toHaveLength(2);
    expect(second!.vois).toEqual([{ kind: 'window', window: { center: 600, width: 1200, function: 'LINEAR' }, explanation: '' }]);
  });
});

describe('the bytes of a frame', () => {
  const COLOUR = { ...CT, '00280002': attribute('US', 3), '00280004': attribute('CS', 'YBR_FULL_422'), '00280006': attribute('US', 1) };

  it('are RGB by pixel when the archive decoded a JPEG', () => {
    expect(layoutOf({ ...COLOUR, '00083002': attribute('UI', '1.2.840.10008.1.2.4.50') })).toMatchObject({ photometric: 'RGB', planar: false });
  });

  it('keep their own photometric interpretation in RLE, by pixel', () => {
    expect(layoutOf({ ...COLOUR, '00083002': attribute('UI', '1.2.840.10008.1.2.5') })).toMatchObject({ photometric: 'YBR_FULL_422', planar: false });
  });

  it('are as stored when they were stored native', () => {
    expect(layoutOf(COLOUR)).toMatchObject({ photometric: 'YBR_FULL_422', planar: true });
  });

  it('are floats where there is no Pixel Representation', () => {
    const { '00280103': _sign, ...unsigned } = CT;
    const map = { ...unsigned, '00280100': attribute('US', 32) };
    expect(layoutOf(map).kind).toBe('float');
    expect(layoutOf({ ...CT, '00280100': attribute('US', 32) }).kind).toBe('integer');
  });
});

describe('what is no picture', () => {
  const { '00280010': _rows, ...noRows } = CT;

  it('says what it is instead', () => {
    const kind = (uid: string): string => {
      const [slide] = unfold({ ...noRows, '00080016': attribute('UI', uid) });
      return slide!.kind === 'object' ? slide!.reason : 'frame';
    };
    expect(kind('1.2.840.10008.5.1.4.1.1.88.67')).toBe('report');
    expect(kind('1.2.840.10008.5.1.4.1.1.88.59')).toBe('key_objects');
    expect(kind('1.2.840.10008.5.1.4.1.1.104.1')).toBe('document');
    expect(kind('1.2.840.10008.5.1.4.1.1.11.1')).toBe('presentation');
    expect(kind('1.2.840.10008.5.1.4.1.1.481.5')).toBe('radiotherapy');
    expect(kind('1.2.840.10008.5.1.4.1.1.9.1.1')).toBe('waveform');
    expect(kind('1.2.3.4')).toBe('no_pixels');
  });

  it('includes video, which has rows but no frames to fetch', () => {
    const [slide] = unfold({ ...CT, '00083002': attribute('UI', '1.2.840.10008.1.2.4.102') });
    expect(slide).toMatchObject({ kind: 'object', reason: 'video' });
  });
});
