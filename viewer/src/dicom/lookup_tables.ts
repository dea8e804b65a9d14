/** Lookup tables as they lie in a data set (PS3.3 C.11.1 and C.11.2), once their bytes are inline. */
import { inlineBytes, numbers, type Attribute, type DicomJson } from './json';
import { expandSegments, readPalette, readWords, type Palette, type PaletteChannel } from './palette';
import * as tag from './tags';
import type { LookupTable } from './voi';

/** A Modality or VOI LUT, or null when its data is not there. */
export function readLookupTable(item: DicomJson): LookupTable | null {
  const [count = 0, first = 0, bits = 16] = numbers(item, tag.LUTDescriptor);
  const entries = entriesOf(item[tag.LUTData], count || 65536, bits);
  return entries && entries.length > 0 ? { first, entries, bits } : null;
}

function entriesOf(data: Attribute | undefined, count: number, bits: number): ArrayLike<number> | null {
  if (data?.Value) return data.Value.map(Number);
  const bytes = inlineBytes(data);
  if (!bytes) return null;
  return bits <= 8 && bytes.length < 2 * count ? bytes.subarray(0, count) : readWords(bytes, count);
}

export function paletteOf(dataset: DicomJson): Palette | null {
  const [red, green, blue] = CHANNELS.map((tags) => channel(dataset, tags));
  return red && green && blue ? readPalette(red, green, blue) : null;
}

/** Descriptor, data, and data in segments, of each colour. */
const CHANNELS = [
  [tag.RedPaletteDescriptor, tag.RedPaletteData, tag.SegmentedRedPaletteData],
  [tag.GreenPaletteDescriptor, tag.GreenPaletteData, tag.SegmentedGreenPaletteData],
  [tag.BluePaletteDescriptor, tag.BluePaletteData, tag.SegmentedBluePaletteData],
] as const;

function channel(dataset: DicomJson, tags: (typeof CHANNELS)[number]): PaletteChannel | null {
  const [descriptorTag, dataTag, segmentedTag] = tags;
  const descriptor = numbers(dataset, descriptorTag);
  if (descriptor.length !== 3) return null;
  const data = bytesOf(dataset[dataTag]);
  if (data) return { descriptor, data };
  const segmented = bytesOf(dataset[segmentedTag]);
  return segmented && { descriptor, data: expandSegments(segmented, descriptor[2] ?? 16) };
}

function bytesOf(attribute: Attribute | undefined): Uint8Array | null {
  return attribute?.Value ? wordsToBytes(attribute.Value.map(Number)) : inlineBytes(attribute);
}

function wordsToBytes(words: readonly number[]): Uint8Array {
  return new Uint8Array(Uint16Array.from(words).buffer);
}

const TABLE_TAGS: ReadonlySet<string> = new Set([
  tag.LUTData,
  tag.RedPaletteData,
  tag.GreenPaletteData,
  tag.BluePaletteData,
  tag.SegmentedRedPaletteData,
  tag.SegmentedGreenPaletteData,
  tag.SegmentedBluePaletteData,
]);

/** Every table of a data set whose bytes were sent as a reference and must be fetched before painting. */
export function referencedTables(dataset: DicomJson): Attribute[] {
  return Object.entries(dataset).flatMap(([name, attribute]) => {
    if (TABLE_TAGS.has(name) && attribute.BulkDataURI) return [attribute];
    if (attribute.vr !== 'SQ') return [];
    return (attribute.Value ?? []).flatMap((item) => referencedTables((item ?? {}) as DicomJson));
  });
}
