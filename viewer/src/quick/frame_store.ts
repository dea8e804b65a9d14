/** The bytes of frames: fetched a few at a time, most wanted first, kept within a budget. */
import { signal } from '@preact/signals-core';
import { Problem, request } from '../app/api';
import { firstPart } from '../dicom/multipart';

export type FetchBytes = (address: string, init: { priority: RequestPriority; signal: AbortSignal }) => Promise<ArrayBuffer>;

export interface FrameStoreOptions {
  readonly budgetBytes: number;
  /** Requests at once for frames not on the screen; browsers allow six per host. */
  readonly parallel: number;
  readonly fetchBytes: FetchBytes;
}

const RETRIES = 3;
const RETRY_AFTER_MS = 1500;

export class FrameStore {
  /** Rises whenever a frame has come, failed or gone. */
  readonly version = signal(0);
  readonly #options: FrameStoreOptions;
  /** In order of use: the first is the one used longest ago. */
  readonly #frames = new Map<string, ArrayBuffer>();
  readonly #failures = new Map<string, unknown>();
  readonly #underway = new Map<string, Promise<ArrayBuffer>>();
  readonly #end = new AbortController();
  #wanted: readonly string[] = [];
  #keep: ReadonlySet<string> = new Set();
  #bytes = 0;

  constructor(options: FrameStoreOptions) {
    this.#options = options;
  }

  has(address: string): boolean {
    return this.#frames.has(address);
  }

  /** How many frames are here. */
  get count(): number {
    return this.#frames.size;
  }

  get budgetBytes(): number {
    return this.#options.budgetBytes;
  }

  peek(address: string): ArrayBuffer | undefined {
    const frame = this.#frames.get(address);
    if (frame) {
      this.#frames.delete(address);
      this.#frames.set(address, frame);
    }
    return frame;
  }

  failure(address: string): unknown {
    return this.#failures.get(address);
  }

  /** The frame for the screen: asked for at once, ahead of whatever is being prefetched. */
  async load(address: string): Promise<ArrayBuffer> {
    return this.peek(address) ?? this.#underway.get(address) ?? this.#fetch(address, 'high');
  }

  /** What to fetch next, most wanted first; replaces what was wanted before. */
  want(addresses: readonly string[]): void {
    this.#wanted = addresses;
    this.#keep = new Set(addresses);
    this.#fetchNext();
  }

  /** Tries failed frames again. */
  forgive(address?: string): void {
    if (address === undefined) this.#failures.clear();
    else this.#failures.delete(address);
    this.version.value += 1;
    this.#fetchNext();
  }

  close(): void {
    this.#end.abort();
    this.#wanted = [];
    this.#frames.clear();
  }

  #fetchNext(): void {
    while (this.#underway.size < this.#options.parallel && !this.#end.signal.aborted) {
      const next = this.#wanted.find(
        (address) => !this.#frames.has(address) && !this.#underway.has(address) && !this.#failures.has(address),
      );
      if (next === undefined) return;
      this.#fetch(next, 'low').catch(() => undefined); // remembered in #failures, shown when it is its turn
    }
  }

  #fetch(address: string, priority: RequestPriority): Promise<ArrayBuffer> {
    const init = { priority, signal: this.#end.signal };
    const underway = this.#options
      .fetchBytes(address, init)
      .then(
        (bytes) => {
          this.#failures.delete(address);
          this.#keepFrame(address, bytes);
          return bytes;
        },
        (error: unknown) => {
          this.#failures.set(address, error);
          throw error;
        },
      )
      .finally(() => {
        this.#underway.delete(address);
        this.version.value += 1;
        this.#fetchNext();
      });
    this.#underway.set(address, underway);
    return underway;
  }

  #keepFrame(address: string, bytes: ArrayBuffer): void {
    if (this.#end.signal.aborted) return;
    this.#frames.set(address, bytes);
    this.#bytes += bytes.byteLength;
    // What nobody wants any more goes first, the longest unused of it first.
    const droppable = [...this.#frames.keys()].filter((other) => other !== address);
    droppable.sort((a, b) => Number(this.#keep.has(a)) - Number(this.#keep.has(b)));
    for (const other of droppable) {
      if (this.#bytes <= this.#options.budgetBytes) return;
      this.#bytes -= this.#frames.get(other)!.byteLength;
      this.#frames.delete(other);
    }
  }
}

/** One frame from the archive, asking again a little later while the archive is busy (503). */
export async function fetchFrame(address: string, init: { priority: RequestPriority; signal: AbortSignal }): Promise<ArrayBuffer> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await request(address, { ...init, headers: { Accept: 'application/octet-stream' } });
      const body = new Uint8Array(await response.arrayBuffer());
      const part = firstPart(body, response.headers.get('Content-Type') ?? '');
      return part.byteLength === body.buffer.byteLength ? body.buffer : part.slice().buffer;
    } catch (error) {
      if (!(error instanceof Problem && error.status === 503) || attempt >= RETRIES) throw error;
      await pause((error.retryAfterS ?? 0) * 1000 || RETRY_AFTER_MS * attempt, init.signal);
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('closed', 'AbortError'));
    });
  });
}
