/** One study on a phone: a picture, and three lines. */
import type { JSX } from 'preact';
import { formatDate } from '../app/format';
import { t } from '../app/i18n';
import type { StudyRow } from '../app/wire';
import { mayHavePicture } from '../dicom/modalities';
import { Picture } from '../ui/elements';
import { description, patientName, sexAndYear, studyMoment } from '../ui/study_words';
import type { Clock } from './clock';
import { ConflictMark, Modalities } from './row';

export function Card({ study, fresh, clock }: { study: StudyRow; fresh: boolean; clock: Clock }): JSX.Element {
  const { part, words } = description(study);
  const moment = studyMoment(study);
  const today = moment.date === formatDate(clock.today());
  return (
    <div role="listitem">
      <a class={`card-row ${fresh ? 'fresh' : ''}`} href={`/study/${study.study_instance_uid}`} data-study={study.study_instance_uid}>
        <span class="pic"><Picture src={mayHavePicture(study.modalities) ? `/dicom-web/studies/${study.study_instance_uid}/thumbnail?viewport=120,120` : null} /></span>
        <span class="grow">
          <span class="l1">
            <b class="cut">{patientName(study)}</b>
            {fresh && <span class="tag new">{t('row.new')}</span>}
            {study.demographics_conflict && <ConflictMark />}
            <span class="grow" />
            <span class="dim tm">{today ? moment.time : moment.date}</span>
          </span>
          <span class="l2 cut">{part}{words ? <span class={part ? 'faint' : ''}>{part && ' · '}{words}</span> : !part && <span class="faint">{t('row.no_description')}</span>}</span>
          <span class="l3">
            <Modalities codes={study.modalities} />
            <span class="faint cut">{sexAndYear(study)}</span>
            <span class="grow" />
            <span class={study.receiving ? '' : 'faint'}>
              {study.receiving ? t('row.receiving_count', { n: study.instance_count }) : `${study.instance_count} ${t('column.images').toLocaleLowerCase()}`}
            </span>
          </span>
        </span>
      </a>
    </div>
  );
}
