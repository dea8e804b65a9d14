/** One study being looked at: which series, their stacks as they come, and the first picture as early as possible. */
import { signal } from '@preact/signals-core';
import { isAbort } from '../app/api';
import { fetchStudy, recentStudy } from '../app/studies';
import type { Cover, SeriesRow, StudyDetail } from '../app/wire';
import { fetchFrame, FrameStore } from './frame_store';
import { loadInstance, loadSeries, seriesAddress, type Stack } from './stack';
import { Viewport } from './viewport';

const MEGABYTE = 1024 * 1024;
const PARALLEL = 5;

export class Reading {
  readonly study = signal<StudyDetail | null>(null);
  readonly failure = signal<unknown>(null);
  readonly seriesUid = signal('');
  readonly seriesFailure = signal<unknown>(null);
  readonly store = new FrameStore({ budgetBytes: frameBudget(), parallel: PARALLEL, fetchBytes: fetchFrame });
  readonly viewport = new Viewport(this.store);

  readonly #studyUid: string;
  readonly #stacks = new Map<string, Stack>();
  readonly #places = new Map<string, number>();
  readonly #studyRequest = new AbortController();
  #seriesRequest = new AbortController();

  constructor(studyInstanceUid: string) {
    this.#studyUid = studyInstanceUid;
  }

  /** Opens the study at a series, or at the one most worth seeing first. */
  async open(seriesUid: string | null): Promise<void> {
    this.failure.value = null;
    // From an open row we know the study already; what changed since comes a moment later.
    const known = recentStudy(this.#studyUid);
    if (known) {
      this.study.value = known;
      void this.#openFirst(known, seriesUid);
    }
    try {
      const study = await fetchStudy(this.#studyUid, this.#studyRequest.signal);
      this.study.value = study;
      if (!known) await this.#openFirst(study, seriesUid);
    } catch (error) {
      if (!isAbort(error) && !known) this.failure.value = error;
    }
  }

  async openSeries(uid: string): Promise<void> {
    if (this.seriesUid.value) this.#places.set(this.seriesUid.value, this.viewport.index.value);
    this.seriesUid.value = uid;
    this.seriesFailure.value = null;
    const row = this.study.value?.series.find((series) => series.series_instance_uid === uid);
    if (!row) return;
    this.#seriesRequest.abort();
    this.#seriesRequest = new AbortController();
    const { signal } = this.#seriesRequest;
    const loaded = this.#stacks.get(uid);
    if (loaded) return this.viewport.setStack(loaded, this.#places.get(uid) ?? startIndex(loaded, row), { anew: true });
    await this.#loadSeries(row, signal);
  }

  /** The series `by` places further down the strip. */
  stepSeries(by: number): void {
    const series = this.study.value?.series ?? [];
    const here = series.findIndex((row) => row.series_instance_uid === this.seriesUid.value);
    const next = series[here + by];
    if (next) void this.openSeries(next.series_instance_uid);
  }

  close(): void {
    this.#studyRequest.abort();
    this.#seriesRequest.abort();
    this.viewport.close();
    this.store.close();
  }

  async #openFirst(study: StudyDetail, seriesUid: string | null): Promise<void> {
    const asked = study.series.find((series) => series.series_instance_uid === seriesUid);
    const first = asked ?? study.series.find((series) => series.cover) ?? study.series[0];
    if (first) await this.openSeries(first.series_instance_uid);
  }

  /**
   * The whole series and, beside it, only its cover: one small metadata document and one frame.
   *
   * The metadata of a long series can take a second to come; the cover is painted before that.
   */
  async #loadSeries(row: SeriesRow, signal: AbortSignal): Promise<void> {
    const uid = row.series_instance_uid;
    this.viewport.setStackPending();
    const whole = loadSeries(this.#studyUid, uid, signal);
    if (row.cover) this.#fetchAhead(row, row.cover);
    if (row.cover && row.instance_count > 1) {
      const { sop_instance_uid: cover, frame } = row.cover;
      loadInstance(this.#studyUid, uid, cover, signal).then(
        (stack) => {
          if (!this.#stacks.has(uid) && !signal.aborted) this.viewport.setStack(stack, Math.max(0, stack.find(cover, frame)), { anew: true });
        },
        () => undefined, // the whole series says what is wrong, if anything is
      );
    }
    try {
      const stack = await whole;
      const anew = this.viewport.stack.value === null;
      this.#stacks.set(uid, stack);
      this.viewport.setStack(stack, this.#indexIn(stack, row), { anew });
    } catch (error) {
      if (!isAbort(error)) this.seriesFailure.value = error;
    }
  }

  /** The bytes of the first picture come while the metadata that explains them is still on its way. */
  #fetchAhead({ series_instance_uid: uid }: SeriesRow, cover: Cover): void {
    const address = `${seriesAddress(this.#studyUid, uid)}/instances/${cover.sop_instance_uid}/frames/${cover.frame}`;
    this.store.load(address).catch(() => undefined); // asked for again, and explained, when it is its turn
  }

  /** Stays at the slide on the screen, if there is one. */
  #indexIn(stack: Stack, row: SeriesRow): number {
    const shown = this.viewport.stack.value?.slides[this.viewport.index.value];
    const same = shown ? stack.find(shown.sopInstanceUid, shown.frameNumber) : -1;
    return same >= 0 ? same : startIndex(stack, row);
  }
}

/** The cover of the series; in a volume that is one object its middle, as its ends are often empty. */
function startIndex(stack: Stack, { cover, instance_count: instances }: SeriesRow): number {
  if (!cover) return 0;
  if (instances === 1 && stack.slides[0]?.position) return stack.slides.length >> 1;
  return Math.max(0, stack.find(cover.sop_instance_uid, cover.frame));
}

/** A phone keeps less in memory than a reading station. */
function frameBudget(): number {
  const gigabytes = (navigator as { deviceMemory?: number }).deviceMemory ?? 4;
  return Math.min(512, Math.max(96, gigabytes * 64)) * MEGABYTE;
}
