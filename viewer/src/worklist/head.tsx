/** The names of the columns; a click sorts. */
import type { JSX } from 'preact';
import { t, type Key } from '../app/i18n';
import { Icon } from '../ui/icons';
import { sortedBy, type Sort, type SortKey } from './filters';

interface Column {
  readonly name: Key | null;
  readonly sort?: SortKey;
  readonly class?: string;
}

const COLUMNS: readonly Column[] = [
  { name: null },
  { name: 'column.patient', sort: 'patient_name' },
  { name: 'column.sex_year', class: 'c-sex' },
  { name: 'column.patient_id', sort: 'patient_id', class: 'c-id' },
  { name: 'column.time', sort: 'study_date' },
  { name: 'column.modality', sort: 'modality' },
  { name: 'column.description', sort: 'study_description' },
  { name: 'column.accession', class: 'c-acc' },
  { name: 'column.department', class: 'c-dep' },
  { name: 'column.series', sort: 'series_count', class: 'num' },
  { name: 'column.images', sort: 'instance_count', class: 'num' },
  { name: 'column.received', sort: 'received_at', class: 'rs' },
];

export function Head({ sort, onSort }: { sort: Sort; onSort: (sort: Sort) => void }): JSX.Element {
  return (
    <div role="rowgroup">
      <div class="h" role="row" aria-rowindex={1}>
        {COLUMNS.map((column, i) => <HeadCell key={i} column={column} sort={sort} onSort={onSort} />)}
      </div>
    </div>
  );
}

function HeadCell({ column, sort, onSort }: { column: Column; sort: Sort; onSort: (sort: Sort) => void }): JSX.Element {
  const { name, sort: key } = column;
  if (!name) return <span role="columnheader"><span class="unseen">{t('column.details')}</span></span>;
  if (!key) return <span role="columnheader" class={`cut ${column.class ?? ''}`}>{t(name)}</span>;
  const active = sort.key === key;
  const direction = active ? (sort.descending ? 'descending' : 'ascending') : 'none';
  return (
    <span role="columnheader" class={column.class} aria-sort={direction}>
      <button type="button" class={`cut ${active ? 'hi' : ''}`} title={t('column.sort', { column: t(name) })} onClick={() => onSort(sortedBy(sort, key))}>
        {t(name)}{active && <Icon name={sort.descending ? 'down' : 'up'} size="s" />}
      </button>
    </span>
  );
}
