/** The scrolled part of the list: rows on a desk, cards on a phone, a bounded number of either. */
import type { ComponentChildren, HTMLAttributes, JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { t } from '../app/i18n';
import type { StudyRow } from '../app/wire';
import { Card } from './card';
import { hospitalClock } from './clock';
import type { Memory } from './memory';
import { OpenRow } from './open_row';
import { Row } from './row';
import type { StudyList } from './study_list';
import { rowWindow, topOf, type Measures } from './window_rows';

const ROW_HEIGHT = 36;
const CARD_HEIGHT = 89;
const MORE_WITHIN_PX = 1200;

export interface RowsProps {
  list: StudyList;
  memory: Memory;
  narrow: boolean;
  /** The names of the columns. */
  head: ComponentChildren;
  selected: number;
  open: boolean;
  onSelect: (index: number, open: boolean) => void;
  onLook: (study: StudyRow, series?: string) => void;
}

export function Rows(props: RowsProps): JSX.Element {
  const { list, narrow, selected } = props;
  const rows = list.rows.value;
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: props.memory.scrollTop, height: 900 });
  const top = useRef(0);
  const [openHeight, setOpenHeight] = useState(0);
  const isOpen = props.open && !narrow && selected >= 0;
  const measures: Measures = {
    count: rows.length,
    rowHeight: narrow ? CARD_HEIGHT : ROW_HEIGHT,
    openIndex: isOpen ? selected : -1,
    openHeight: isOpen ? openHeight : 0,
  };
  const { first, end, before, after } = rowWindow(measures, view.top, view.height);

  const look = (): void => {
    const element = scroller.current;
    if (!element) return;
    top.current = element.scrollTop;
    setView({ top: element.scrollTop, height: element.clientHeight });
    const left = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (left < MORE_WITHIN_PX && list.hasMore.value && list.paging.value === 'idle') void list.more();
  };
  // Back from an image we are where we were; other rows begin at their top.
  const generation = list.generation.value;
  useLayoutEffect(() => {
    scroller.current!.scrollTop = props.memory.scrollTop;
    props.memory.scrollTop = 0;
  }, [generation]);
  useEffect(() => () => void (props.memory.scrollTop = top.current), []);
  useEffect(() => {
    const observer = new ResizeObserver(look);
    observer.observe(scroller.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(look, [rows.length]);
  useEffect(() => keepInView(scroller.current, measures, selected), [selected, isOpen, openHeight]);

  const holding = useMemo(() => holdWhileUsed(list), [list]);

  return (
    <div
      class="grid" tabIndex={narrow ? -1 : 0} data-testid="studies" role={narrow ? 'list' : 'treegrid'} aria-label={t('worklist.title')}
      aria-rowcount={narrow ? undefined : list.total.value + 1}
      aria-activedescendant={!narrow && selected >= first && selected < end ? `study-${selected}` : undefined}
      {...holding}
    >
      {props.head}
      <div class="scroller" ref={scroller} onScroll={look} role={narrow ? 'presentation' : 'rowgroup'}>
      <div style={{ height: `${before}px` }} />
      {rows.slice(first, end).map((study, i) => (
        narrow
          ? <Card key={study.study_instance_uid} study={study} fresh={list.fresh.value.has(study.study_instance_uid)} clock={hospitalClock} />
          : <RowWithDetails key={study.study_instance_uid} {...props} study={study} index={first + i} onHeight={setOpenHeight} />
      ))}
      <div style={{ height: `${after}px` }} />
      <Foot list={list} narrow={narrow} />
      </div>
    </div>
  );
}

function RowWithDetails(props: RowsProps & { study: StudyRow; index: number; onHeight: (px: number) => void }): JSX.Element {
  const { study, index, list } = props;
  const selected = props.selected === index;
  const open = selected && props.open;
  return (
    <>
      <Row
        study={study} index={index} selected={selected} open={open} clock={hospitalClock}
        fresh={list.fresh.value.has(study.study_instance_uid)}
        onToggle={() => props.onSelect(index, !open)} onLook={() => props.onLook(study)}
      />
      {open && <Measured onHeight={props.onHeight}><OpenRow study={study} onLook={(series) => props.onLook(study, series)} /></Measured>}
    </>
  );
}

function Measured({ onHeight, children }: { onHeight: (px: number) => void; children: JSX.Element }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => onHeight(box.current?.offsetHeight ?? 0));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return <div role="row" aria-level={2} ref={box}>{children}</div>;
}

function Foot({ list, narrow }: { list: StudyList; narrow: boolean }): JSX.Element | null {
  if (!list.hasMore.value) return null;
  const failed = list.paging.value === 'failed';
  return (
    <div role={narrow ? 'listitem' : 'row'}>
      <div class="tail faint" role={narrow ? 'presentation' : 'gridcell'}>
        {failed ? <button type="button" class="btn ghost" onClick={() => void list.more()}>{t('list.more_failed')}</button> : t('list.more')}
      </div>
    </div>
  );
}

/** Nothing may move under a hand: arrivals wait while the pointer or the focus is in the list. */
function holdWhileUsed(list: StudyList): HTMLAttributes<HTMLDivElement> {
  const reasons = new Set<string>();
  const hold = (reason: string, on: boolean) => (event: Event): void => {
    // A finger is not a pointer that rests: a phone has nothing hovering over the list.
    if (event instanceof PointerEvent && event.pointerType === 'touch') return;
    if (on) reasons.add(reason);
    else reasons.delete(reason);
    list.hold = reasons.size > 0;
    if (!list.hold && list.held.value.length > 0) list.release();
  };
  return {
    onPointerEnter: hold('pointer', true),
    onPointerLeave: hold('pointer', false),
    onFocusIn: hold('focus', true),
    onFocusOut: hold('focus', false),
  };
}

function keepInView(element: HTMLElement | null, measures: Measures, index: number): void {
  if (!element || index < 0 || measures.openIndex === -1 && index === -1) return;
  const top = topOf(measures, index);
  const bottom = top + measures.rowHeight + (index === measures.openIndex ? measures.openHeight : 0);
  if (top < element.scrollTop) element.scrollTop = top;
  else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
}
