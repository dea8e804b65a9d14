/** Search first on the line, then days, then modalities. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../app/i18n';
import { Icon } from '../ui/icons';
import { DAY_CHOICES, isChipPressed, MODALITY_CHIPS, toggledChip, type Filters } from './filters';

const TYPING_PAUSE_MS = 150;

export interface FilterLineProps {
  filters: Filters;
  /** Changes some of the filters as they are *then*: a word typed just before a click must not be lost. */
  onChange: (change: Partial<Filters>) => void;
  /** Enter or arrow down in the search box: on to the list. */
  onLeaveSearch: () => void;
}

export function FilterLine({ filters, onChange, onLeaveSearch }: FilterLineProps): JSX.Element {
  return (
    <div class="fl" role="search">
      <SearchBox words={filters.words} onWords={(words) => onChange({ words })} onLeave={onLeaveSearch} />
      <div class="fchips">
        <div class="chips" role="group" aria-label={t('worklist.days')}>
          {DAY_CHOICES.map((days) => (
            <button type="button" key={days} class="chip" aria-pressed={filters.days === days} onClick={() => onChange({ days })}>
              {t(`days.${days}`)}
            </button>
          ))}
        </div>
        <div class="chips" role="group" aria-label={t('worklist.modalities')}>
          {MODALITY_CHIPS.map(({ label, codes }) => (
            <button
              type="button" key={label} class="chip" aria-pressed={isChipPressed(filters.modalities, codes)} title={codes.join(', ')}
              onClick={() => onChange({ modalities: toggledChip(filters.modalities, codes) })}
            >
              {label}
            </button>
          ))}
        </div>
      </div>
    </div>
  );
}

function SearchBox({ words, onWords, onLeave }: { words: string; onWords: (words: string) => void; onLeave: () => void }): JSX.Element {
  const [typed, setTyped] = useState(words);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const input = useRef<HTMLInputElement>(null);
  // The back button changes the words from outside.
  useEffect(() => setTyped((mine) => (mine.trim() === words ? mine : words)), [words]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const ask = (text: string, afterMs: number): void => {
    setTyped(text);
    clearTimeout(timer.current);
    // At once means now: a later turn could find another page already open.
    if (afterMs === 0) onWords(text.trim());
    else timer.current = setTimeout(() => onWords(text.trim()), afterMs);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      if (typed) ask('', 0);
      else input.current?.blur();
    } else if (event.key === 'ArrowDown' || event.key === 'Enter') {
      event.preventDefault();
      ask(typed, 0);
      onLeave();
    }
  };
  return (
    <div class="search">
      <Icon name="search" />
      <input
        ref={input} class="input" type="search" id="search" value={typed} autocomplete="off" spellcheck={false} enterkeyhint="search"
        placeholder={t('worklist.search_hint')} aria-label={`${t('worklist.search')}: ${t('worklist.search_hint')}`}
        onInput={(event) => ask(event.currentTarget.value, TYPING_PAUSE_MS)} onKeyDown={onKeyDown}
      />
      {typed
        ? <button type="button" class="ib" aria-label={t('worklist.clear_search')} onClick={() => { ask('', 0); input.current?.focus(); }}><Icon name="close" size="s" /></button>
        : <kbd aria-hidden="true">/</kbd>}
    </div>
  );
}
