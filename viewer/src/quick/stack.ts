/** The slides of one series: metadata from the archive, unfolded, sorted, and where their frames are. */
import { request } from '../app/api';
import { unfold, type AnySlide, type FrameSlide, type ObjectSlide } from '../dicom/frames';
import type { Attribute, DicomJson } from '../dicom/json';
import { referencedTables } from '../dicom/lookup_tables';
import { firstPart } from '../dicom/multipart';
import { sortFrames } from '../dicom/sort';

const ROOT = '/dicom-web';

export function seriesAddress(studyInstanceUid: string, seriesInstanceUid: string): string {
  return `${ROOT}/studies/${studyInstanceUid}/series/${seriesInstanceUid}`;
}

export class Stack {
  readonly slides: readonly AnySlide[];
  readonly #address: string;
  readonly #completed = new Map<string, Promise<AnySlide[]>>();

  constructor(address: string, instances: readonly DicomJson[]) {
    this.#address = address;
    this.slides = arrange(instances.flatMap(unfold));
  }

  instanceAddress(slide: AnySlide): string {
    return `${this.#address}/instances/${slide.sopInstanceUid}`;
  }

  frameAddress(slide: AnySlide): string {
    return `${this.instanceAddress(slide)}/frames/${slide.frameNumber}`;
  }

  find(sopInstanceUid: string, frameNumber: number): number {
    return this.slides.findIndex((slide) => slide.sopInstanceUid === sopInstanceUid && slide.frameNumber === frameNumber);
  }

  /** The slide with the tables its metadata only refers to; fetched once per instance. */
  async complete(slide: FrameSlide): Promise<FrameSlide> {
    const references = referencedTables(slide.dataset);
    if (references.length === 0) return slide;
    let completing = this.#completed.get(slide.sopInstanceUid);
    if (!completing) {
      completing = Promise.all(references.map(fetchInline)).then(() => unfold(slide.dataset));
      completing.catch(() => this.#completed.delete(slide.sopInstanceUid));
      this.#completed.set(slide.sopInstanceUid, completing);
    }
    const completed = (await completing)[slide.frameNumber - 1];
    return completed?.kind === 'frame' ? completed : slide;
  }
}

/** Frames in their order, then what cannot be shown. */
function arrange(slides: readonly AnySlide[]): AnySlide[] {
  const frames = slides.filter((slide): slide is FrameSlide => slide.kind === 'frame');
  const objects = slides.filter((slide): slide is ObjectSlide => slide.kind === 'object');
  return [...sortFrames(frames), ...sortFrames(objects)];
}

export async function loadSeries(studyInstanceUid: string, seriesInstanceUid: string, signal: AbortSignal): Promise<Stack> {
  const address = seriesAddress(studyInstanceUid, seriesInstanceUid);
  return new Stack(address, await fetchMetadata(`${address}/metadata`, signal));
}

/** A stack of one instance, to have a picture before the series is known. */
export async function loadInstance(studyInstanceUid: string, seriesInstanceUid: string, sopInstanceUid: string, signal: AbortSignal): Promise<Stack> {
  const address = seriesAddress(studyInstanceUid, seriesInstanceUid);
  return new Stack(address, await fetchMetadata(`${address}/instances/${sopInstanceUid}/metadata`, signal));
}

async function fetchMetadata(address: string, signal: AbortSignal): Promise<DicomJson[]> {
  const response = await request(address, { signal, headers: { Accept: 'application/dicom+json' } });
  return (await response.json()) as DicomJson[];
}

/** Fetches what an attribute refers to and writes it into the attribute. */
async function fetchInline(attribute: Attribute): Promise<void> {
  const bytes = await fetchBulk(attribute.BulkDataURI!);
  attribute.InlineBinary = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  delete attribute.BulkDataURI;
}

export async function fetchBulk(uri: string, mediaType = 'application/octet-stream'): Promise<Uint8Array<ArrayBuffer>> {
  const accept = `${mediaType}, multipart/related; type="${mediaType}", multipart/related; type="application/octet-stream"`;
  const response = await request(samePlace(uri), { headers: { Accept: accept } });
  const body = new Uint8Array(await response.arrayBuffer());
  return firstPart(body, response.headers.get('Content-Type') ?? '').slice();
}

/** The address under which *we* reach the archive: its links start with its public name. */
function samePlace(uri: string): string {
  const { pathname, search } = new URL(uri, location.href);
  const start = pathname.indexOf(`${ROOT}/`);
  return (start < 0 ? pathname : pathname.slice(start)) + search;
}
