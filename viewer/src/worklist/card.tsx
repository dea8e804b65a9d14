/** One study on a phone: a picture, and three lines. */
import type { JSX } from 'preact';
import { t } from '../app/i18n';
import type { StudyRow } from '../app/wire';
import { Picture } from '../ui/elements';
import { description, patientName, sexAndYear, studyMoment } from '../ui/study_words';
import type { Clock } from './clock';
import { ConflictMark } from './row';
import { formatDate } from '../app/format';

export function Card({ study, fresh, clock }: { study: StudyRow; fresh: boolean; clock: Clock }): JSX.Element {
  const { part, words } = description(study);
  const moment = studyMoment(study);
  const today = moment.date === formatDate(clock.today());
  return (
    <div role="listitem">
      <a class={`c ${fresh ? 'fresh' : ''}`} href={`/study/${study.study_instance_uid}`} data-study={study.study_instance_uid}>
        <span class="pic"><Picture src={`/dicom-web/studies/${study.study_instance_uid}/thumbnail?viewport=120,120`} /></span>
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
            {study.modalities.slice(0, 2).map((code) => <span class="mod" key={code}>{code}</span>)}
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
