/** The worklist: find it. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { unreachableSince } from '../app/api';
import { formatNumber } from '../app/format';
import { t } from '../app/i18n';
import { address, navigate, replaceAddress, route } from '../app/router';
import { archive } from '../app/session';
import type { StudyRow } from '../app/wire';
import { AccountMenu } from '../ui/account_menu';
import { Bar } from '../ui/bar';
import { isTyping, ShortcutDialog, useNarrow } from '../ui/elements';
import { Icon } from '../ui/icons';
import { FilterLine } from './filter_line';
import { filtersToAddress, hasFilters, parseFilters, type Filters } from './filters';
import { Head } from './head';
import { EmptyArchive, ListFailed, LoadingRows, NothingFound, OfflineNote } from './list_states';
import { worklistMemory } from './memory';
import { Rows } from './rows';
import type { StudyList } from './study_list';
import './worklist.css';

export function Worklist(): JSX.Element {
  const memory = useMemo(worklistMemory, []);
  const { list } = memory;
  const filters = useMemo(() => parseFilters(address.value.query), [address.value.query]);
  const narrow = useNarrow();
  const [selection, setSelection] = useState(memory.selection);
  memory.selection = selection;
  const [help, setHelp] = useState(false);
  const page = useRef<HTMLDivElement>(null);

  // The zone decides which day is today, so a list filtered by day waits for it.
  const timeZone = filters.days === 'all' ? '' : (archive.value?.timezone ?? '');
  useEffect(() => void list.show(filters), [filters, timeZone]);
  useEffect(() => list.follow(), []);
  useEffect(() => {
    document.title = t('worklist.title');
  });

  const rows = list.rows.value;
  const selected = rows.findIndex((row) => row.study_instance_uid === selection.uid);
  const select = (index: number, open: boolean): void => setSelection({ uid: rows[index]?.study_instance_uid ?? '', open });
  const look = (study: StudyRow, series?: string): void => {
    navigate(`/study/${study.study_instance_uid}${series ? `?series=${series}` : ''}`);
  };
  const change = (part: Partial<Filters>): void => {
    // A word typed just before a study was opened must not pull the reader back.
    if (route.value.page !== 'worklist') return;
    replaceAddress(filtersToAddress({ ...parseFilters(address.value.query), ...part }));
  };
  const focusList = (): void => {
    page.current?.querySelector<HTMLElement>('.grid')?.focus();
    if (selected < 0 && rows.length > 0) select(0, false);
  };
  useKeys({ rows, selected, open: selection.open, select, look, focusList, onHelp: () => setHelp(true) });

  const isFirstDay = list.phase.value === 'ready' && rows.length === 0 && !hasFilters(filters);

  return (
    <div class="worklist" ref={page}>
      {narrow ? <PhoneBar /> : <Bar current="/" onShortcuts={() => setHelp(true)} />}
      {!isFirstDay && <FilterLine filters={filters} onChange={change} onLeaveSearch={focusList} />}
      {unreachableSince.value && list.phase.value === 'ready' && <OfflineNote since={unreachableSince.value} />}
      <main class="list" id="main">
        {!narrow && !isFirstDay && <h1 class="unseen">{t('worklist.title')}</h1>}
        <ListBody list={list} filters={filters} narrow={narrow} onChange={change}>
          <Rows
            list={list} memory={memory} narrow={narrow} selected={selected} open={selection.open} onSelect={select} onLook={look}
            head={!narrow && <Head sort={filters.sort} onSort={(sort) => change({ sort })} />}
          />
        </ListBody>
        {list.held.value.length > 0 && (
          <button type="button" class="hold" onClick={() => { list.release(); page.current?.querySelector('.scroller')?.scrollTo(0, 0); }}>
            <Icon name="up" size="s" />{t('list.arrivals', { n: list.held.value.length })}
          </button>
        )}
      </main>
      {!narrow && <FootLine list={list} filters={filters} />}
      <span class="unseen" role="status">{list.phase.value === 'ready' ? t('list.count', { n: list.total.value }) : ''}</span>
      {help && <ShortcutDialog shortcuts={shortcuts()} onClose={() => setHelp(false)} />}
    </div>
  );
}

function ListBody(props: {
  list: StudyList;
  filters: Filters;
  narrow: boolean;
  onChange: (change: Partial<Filters>) => void;
  children: ComponentChildren;
}): JSX.Element {
  const { list, filters } = props;
  if (list.phase.value === 'loading') return <LoadingRows narrow={props.narrow} />;
  if (list.phase.value === 'failed') {
    return <div class="middle"><ListFailed failure={list.failure.value} onRetry={() => void list.search(filters)} /></div>;
  }
  if (list.rows.value.length > 0) return <>{props.children}</>;
  return (
    <div class="middle">
      {hasFilters(filters) ? <NothingFound filters={filters} onChange={props.onChange} /> : <EmptyArchive />}
    </div>
  );
}

function PhoneBar(): JSX.Element {
  return (
    <header class="pb row">
      <h1 class="grow">{t('worklist.title')}</h1>
      <AccountMenu compact />
    </header>
  );
}

function FootLine({ list, filters }: { list: StudyList; filters: Filters }): JSX.Element {
  const n = formatNumber(list.total.value);
  const days = filters.days === 'all' ? null : t(`days.${filters.days}`);
  return (
    <footer class="foot">
      {list.phase.value === 'ready' && <span class="hi2">{days ? t('list.count_days', { n, days }) : t('list.count', { n })}</span>}
      {archive.value && <span><i class="live" /> {t('list.listening', { port: archive.value.dicom_port })}</span>}
      <span class="grow" />
      <span><kbd>↑</kbd> <kbd>↓</kbd> {t('list.select')}</span>
      <span><kbd>Enter</kbd> {t('list.look')}</span>
      <span><kbd>?</kbd> {t('app.shortcuts').toLocaleLowerCase()}</span>
    </footer>
  );
}

function shortcuts(): ReadonlyArray<readonly [string, string]> {
  return [
    ['/', t('keys.search')],
    ['↑ ↓', t('keys.select')],
    ['← →', t('keys.expand')],
    ['Enter Space', t('keys.look')],
    ['Esc', t('keys.back')],
    ['?', t('keys.help')],
  ];
}

interface KeyTargets {
  rows: readonly StudyRow[];
  selected: number;
  open: boolean;
  select: (index: number, open: boolean) => void;
  look: (study: StudyRow) => void;
  focusList: () => void;
  onHelp: () => void;
}

function useKeys(targets: KeyTargets): void {
  const current = useRef(targets);
  current.current = targets;
  // Before the first paint: whoever sees the page may already press a key.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      if (onListKey(event, current.current)) event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

/** True when the key was ours. Buttons and links keep Enter and Space for themselves. */
function onListKey(event: KeyboardEvent, { rows, selected, open, select, look, focusList, onHelp }: KeyTargets): boolean {
  const onControl = (event.target as HTMLElement).closest('button, a') !== null;
  const study = rows[selected];
  const move = (to: number): boolean => {
    if (rows.length === 0) return false;
    select(Math.min(rows.length - 1, Math.max(0, to)), open);
    focusList();
    return true;
  };
  switch (event.key) {
    case '/':
      document.querySelector<HTMLInputElement>('#search')?.select();
      return true;
    case '?':
      onHelp();
      return true;
    case 'ArrowDown':
      return move(selected + 1);
    case 'ArrowUp':
      return move(selected < 0 ? 0 : selected - 1);
    case 'Home':
      return move(0);
    case 'End':
      return move(rows.length - 1);
    case 'PageDown':
      return move(selected + 15);
    case 'PageUp':
      return move(selected - 15);
    case 'Enter':
    case ' ':
      if (onControl || !study) return false;
      look(study);
      return true;
    case 'ArrowRight':
      if (study && !open) select(selected, true);
      return study !== undefined;
    case 'ArrowLeft':
    case 'Escape':
      if (study && open) select(selected, false);
      return study !== undefined;
    default:
      return false;
  }
}
