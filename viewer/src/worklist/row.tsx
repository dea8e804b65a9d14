/** One study in the list, one line high. */
import type { JSX } from 'preact';
import { formatNumber } from '../app/format';
import { t } from '../app/i18n';
import type { StudyRow } from '../app/wire';
import { Icon } from '../ui/icons';
import { imagesFirst } from '../dicom/modalities';
import { description, patientName, receivedMoment, referredBy, sexAndYear, studyMoment } from '../ui/study_words';
import type { Clock } from './clock';

export interface RowProps {
  study: StudyRow;
  index: number;
  selected: boolean;
  open: boolean;
  fresh: boolean;
  clock: Clock;
  onToggle: () => void;
  onLook: () => void;
}

export function Row({ study, index, selected, open, fresh, clock, onToggle, onLook }: RowProps): JSX.Element {
  const moment = studyMoment(study);
  const { part, words } = description(study);
  const name = patientName(study);
  return (
    <div
      class={`r ${selected ? 'sel' : ''} ${fresh ? 'fresh' : ''}`}
      role="row" id={`study-${index}`} aria-rowindex={index + 2} aria-level={1} aria-expanded={open} aria-selected={selected}
      data-study={study.study_instance_uid} onClick={onToggle} onDblClick={onLook}
    >
      <span role="gridcell" class="tw"><Icon name={open ? 'down' : 'right'} size="s" /></span>
      <span role="gridcell" class="who-cell">
        <span class="nm cut" title={name}>{name}</span>
        {fresh && <span class="tag new">{t('row.new')}</span>}
        {study.demographics_conflict && <ConflictMark />}
      </span>
      <span role="gridcell" class="faint cut c-sex">{sexAndYear(study)}</span>
      <span role="gridcell" class="dim cut c-id" title={study.patient_id}>{study.patient_id}</span>
      <span role="gridcell" class="cut"><span class="faint">{moment.date}</span> {moment.time}</span>
      <span role="gridcell" class="mods"><Modalities codes={study.modalities} /></span>
      <span role="gridcell" class="cut" title={words}>{part}{words && <span class={part ? 'faint' : ''}>{part && ' · '}{words}</span>}</span>
      <span role="gridcell" class="dim cut c-acc">{study.accession_number}</span>
      <span role="gridcell" class="dim cut c-dep" title={referredBy(study)}>{referredBy(study)}</span>
      <span role="gridcell" class="num dim">{formatNumber(study.series_count)}</span>
      <span role="gridcell" class="num">{formatNumber(study.instance_count)}</span>
      <span role="gridcell" class="rs">{study.receiving ? <Receiving /> : <span class="dim">{receivedMoment(study, clock.timeZone, clock.today())}</span>}</span>
      <span role="gridcell" class="acts">
        <a class="ib" href={`/study/${study.study_instance_uid}`} tabIndex={-1} aria-label={t('row.quick_look_of', { name })} title={t('row.quick_look')} onClick={(event) => event.stopPropagation()}>
          <Icon name="eye" />
        </a>
      </span>
    </div>
  );
}

/** The modality that made the images, and how many others there are. */
export function Modalities({ codes }: { codes: readonly string[] }): JSX.Element | null {
  const [first, ...others] = imagesFirst(codes);
  if (!first) return null;
  return (
    <>
      <span class="mod" title={codes.join(', ')}>{first}</span>
      {others.length > 0 && <span class="faint" title={others.join(', ')}>+{others.length}</span>}
    </>
  );
}

export function ConflictMark(): JSX.Element {
  return (
    <span class="amber" title={t('row.conflict')}>
      <Icon name="warn" size="s" /><span class="unseen">{t('row.conflict')}</span>
    </span>
  );
}

/** A moving bar, never a percentage: the sender does not announce a total. */
function Receiving(): JSX.Element {
  return <span class="recv"><span>{t('row.receiving')}</span><i /></span>;
}
