/** The list of studies: pages, live changes, and arrivals held back while a hand is near. */
import { batch, computed, effect, signal } from '@preact/signals-core';
import { getJson, isAbort, unreachableSince } from '../app/api';
import { followChanges } from '../app/changes';
import type { Change, StudyDetail, StudyPage, StudyRow } from '../app/wire';
import { meet, settle } from './arrivals';
import { filtersToQuestion, type Filters } from './filters';

const PAGE_SIZE = 50;
const NEW_FOR_MS = 60_000;
/** The archive says "receiving" for ten seconds after an instance; a little later it is over. */
const RECEIVING_FOR_MS = 11_000;
const REFRESH_AFTER_MS = 400;

type Timer = ReturnType<typeof setTimeout> | undefined;

export type Phase = 'loading' | 'ready' | 'failed';

export class StudyList {
  readonly rows = signal<StudyRow[]>([]);
  readonly total = signal(0);
  readonly phase = signal<Phase>('loading');
  readonly failure = signal<unknown>(null);
  /** Studies that came while the list was being used; `release` lets them in. */
  readonly held = signal<StudyRow[]>([]);
  /** Rises when other rows take the place of all the old ones. */
  readonly generation = signal(0);
  /** Marked as new. */
  readonly fresh = signal<ReadonlySet<string>>(new Set());
  readonly paging = signal<'idle' | 'loading' | 'failed'>('idle');
  readonly hasMore = computed(() => this.#cursor.value !== null);
  /** True while pointer or focus is in the list: nothing may move under the hand. */
  hold = false;

  readonly #cursor = signal<string | null>(null);
  #filters: Filters | null = null;
  #request: AbortController | null = null;
  #firstPage: StudyRow[] = [];
  #changed = new Set<string>();
  /** The question the rows are the answer to. */
  #asked = '';
  #newestReceived = '';
  #refreshTimer: Timer;
  #quietTimer: Timer;
  readonly #timers = new Set<Timer>();
  readonly #today: () => string;

  constructor(today: () => string) {
    this.#today = today;
  }

  /** Shows what the filters ask for; when that is on the screen already, only brings it up to date. */
  async show(filters: Filters): Promise<void> {
    const asked = this.#asked;
    if (this.phase.value !== 'ready' || asked !== this.#questionOf(filters)) return this.search(filters);
    this.#newRequest();
    this.#filters = filters;
    await this.refresh().catch(() => undefined); // unreachable: the rows stay, and the page says so
  }

  /** Starts the list anew; an earlier question still under way is dropped. */
  async search(filters: Filters): Promise<void> {
    const keepRows = this.#filters !== null && this.phase.value === 'ready';
    this.#filters = filters;
    const request = this.#newRequest();
    this.#asked = '';
    if (!keepRows) this.phase.value = 'loading';
    try {
      const page = await this.#ask(null, request.signal);
      batch(() => {
        this.rows.value = page.studies;
        this.held.value = [];
        this.phase.value = 'ready';
        this.generation.value += 1;
        this.#accept(page);
        this.#cursor.value = page.next_cursor;
        this.#firstPage = page.studies;
        this.#asked = this.#questionOf(filters);
        this.#newestReceived = newestReceived(page.studies, '');
      });
    } catch (error) {
      if (isAbort(error)) return;
      batch(() => {
        this.failure.value = error;
        this.phase.value = 'failed';
      });
    }
  }

  async more(): Promise<void> {
    const cursor = this.#cursor.value;
    if (cursor === null || this.paging.value === 'loading') return;
    this.paging.value = 'loading';
    try {
      const page = await this.#ask(cursor, this.#request?.signal);
      batch(() => {
        // A study can slide from one page to the next while we read: it is shown once.
        this.rows.value = [...this.rows.value, ...meet(this.rows.value, page.studies).arrivals];
        this.#accept(page);
        this.#cursor.value = page.next_cursor;
        this.paging.value = 'idle';
      });
    } catch (error) {
      this.paging.value = isAbort(error) ? 'idle' : 'failed';
    }
  }

  /** Lets the held arrivals in. */
  release(): void {
    const arrivals = this.held.value;
    batch(() => {
      this.rows.value = settle(this.rows.value, arrivals, this.#firstPage);
      this.held.value = [];
      this.#newestReceived = newestReceived(arrivals, this.#newestReceived);
      this.#markNew(arrivals);
    });
  }

  /** Follows the archive until the returned function is called. */
  follow(): () => void {
    const stop = followChanges((change) => this.#onChange(change));
    const refresh = (): void => this.#refreshSoon(0);
    addEventListener('online', refresh);
    // Whatever request is answered first after a silence says that the archive is back.
    let wasAway = false;
    const stopWatching = effect(() => {
      const isAway = unreachableSince.value !== null;
      if (wasAway && !isAway) refresh();
      wasAway = isAway;
    });
    return () => {
      stop();
      stopWatching();
      removeEventListener('online', refresh);
      clearTimeout(this.#refreshTimer);
      clearTimeout(this.#quietTimer);
      this.#timers.forEach(clearTimeout);
      this.#request?.abort();
    };
  }

  /** Asks for the first page again and for the changed rows it does not show. */
  async refresh(): Promise<void> {
    if (!this.#filters) return;
    if (this.phase.value === 'failed') return this.search(this.#filters);
    const page = await this.#ask(null, this.#request?.signal);
    batch(() => this.#meetFirstPage(page));
    const changed = [...this.#changed];
    this.#changed.clear();
    const onPage = new Set(page.studies.map((row) => row.study_instance_uid));
    await Promise.all(changed.filter((uid) => !onPage.has(uid)).map((uid) => this.#refreshRow(uid)));
  }

  #meetFirstPage(page: StudyPage): void {
    const { rows, arrivals } = meet(this.rows.value, page.studies);
    // A removal pulls an old study up from the next page: that one is no arrival.
    const isNew = (row: StudyRow): boolean => (row.received_at ?? '') > this.#newestReceived;
    const pulledUp = arrivals.filter((row) => !isNew(row));
    this.rows.value = settle(rows, pulledUp, page.studies);
    this.held.value = arrivals.filter(isNew);
    this.#firstPage = page.studies;
    this.#accept(page);
    if (!this.hold) this.release();
  }

  #onChange(change: Change): void {
    if (change.kind === 'study_removed') this.#remove(change.study_instance_uid);
    else this.#changed.add(change.study_instance_uid);
    this.#refreshSoon();
  }

  #refreshSoon(afterMs = REFRESH_AFTER_MS): void {
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => {
      this.refresh().catch(() => undefined); // unreachable: the page says so, the next change tries again
    }, afterMs);
  }

  async #refreshRow(uid: string): Promise<void> {
    if (!this.rows.value.some((row) => row.study_instance_uid === uid)) return;
    const detail = await getJson<StudyDetail>(`/api/studies/${uid}`, this.#request?.signal);
    this.rows.value = meet(this.rows.value, [detail]).rows;
    this.#lookAgain([detail]);
  }

  #remove(uid: string): void {
    const others = (row: StudyRow): boolean => row.study_instance_uid !== uid;
    batch(() => {
      this.rows.value = this.rows.value.filter(others);
      this.held.value = this.held.value.filter(others);
    });
  }

  #accept(page: StudyPage): void {
    this.total.value = page.total;
    this.#lookAgain(page.studies);
  }

  /** No event says that a study has stopped growing: ask once more when it should have. */
  #lookAgain(studies: readonly StudyRow[]): void {
    const receiving = studies.filter((row) => row.receiving);
    if (receiving.length === 0) return;
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => {
      receiving.forEach((row) => this.#changed.add(row.study_instance_uid));
      this.#refreshSoon(0);
    }, RECEIVING_FOR_MS);
  }

  #markNew(studies: readonly StudyRow[]): void {
    if (studies.length === 0) return;
    const uids = studies.map((row) => row.study_instance_uid);
    this.fresh.value = new Set([...this.fresh.value, ...uids]);
    this.#later(() => {
      this.fresh.value = new Set([...this.fresh.value].filter((uid) => !uids.includes(uid)));
    }, NEW_FOR_MS);
  }

  #later(action: () => void, afterMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, afterMs);
    this.#timers.add(timer);
  }

  #newRequest(): AbortController {
    this.#request?.abort();
    this.#request = new AbortController();
    return this.#request;
  }

  #questionOf(filters: Filters): string {
    return filtersToQuestion(filters, this.#today()).toString();
  }

  #ask(cursor: string | null, signal: AbortSignal | undefined): Promise<StudyPage> {
    const question = new URLSearchParams(this.#questionOf(this.#filters!));
    question.set('limit', String(PAGE_SIZE));
    if (cursor !== null) question.set('cursor', cursor);
    return getJson<StudyPage>(`/api/studies?${question.toString()}`, signal);
  }
}

/** The latest instant, all being ISO 8601 in UTC and so in the order of their text. */
function newestReceived(studies: readonly StudyRow[], earlier: string): string {
  return studies.reduce((newest, row) => ((row.received_at ?? '') > newest ? row.received_at! : newest), earlier);
}
