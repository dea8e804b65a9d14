/** The open row: thumbnails of the series, what the order said, prior studies, and the way in. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { isAbort } from '../app/api';
import { formatDate, formatSize } from '../app/format';
import { t } from '../app/i18n';
import { fetchStudy, recentStudy } from '../app/studies';
import type { SeriesRow, StudyDetail, StudyRow } from '../app/wire';
import { formatPersonName } from '../dicom/person_name';
import { Icon } from '../ui/icons';
import { SeriesThumbnail } from '../ui/series_thumbnail';
import { bodyPart, joined } from '../ui/study_words';

const THUMBNAILS = 4;
/** While arrows run down the list, only the row they stop at is asked for. */
const SETTLE_MS = 120;

export function OpenRow({ study, onLook }: { study: StudyRow; onLook: (series?: string) => void }): JSX.Element {
  const { detail, failed } = useDetail(study);
  return (
    <div class="x" role="gridcell">
      <div class="ths">
        {detail ? <Thumbnails study={study} series={detail.series} onLook={onLook} /> : <ThumbnailSkeletons count={study.series_count} />}
        {failed && !detail && <span class="red">{t('open.failed')}</span>}
      </div>
      <dl>
        <Fact name={t('open.referring')} value={formatPersonName(study.referring_physician_name)} />
        <Fact name={t('open.department')} value={study.department} />
        <Fact name={t('open.institution')} value={study.institution_name} />
        <Fact name={t('open.station')} value={study.station_name} />
        <Fact name={t('open.birth_date')} value={formatDate(study.patient_birth_date)} />
        <Fact name={t('open.size')} value={formatSize(study.size_bytes)} />
      </dl>
      <Priors detail={detail} />
      <div class="go">
        <button type="button" class="btn primary" onClick={() => onLook()}>
          <Icon name="eye" />{t('row.quick_look')} <kbd>Enter</kbd>
        </button>
      </div>
    </div>
  );
}

function useDetail(study: StudyRow): { detail: StudyDetail | null; failed: boolean } {
  const uid = study.study_instance_uid;
  const [detail, setDetail] = useState<StudyDetail | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    const request = new AbortController();
    setDetail(recentStudy(uid));
    setFailed(false);
    const timer = setTimeout(() => {
      fetchStudy(uid, request.signal).then(setDetail, (error: unknown) => setFailed(!isAbort(error)));
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      request.abort();
    };
    // A growing study is asked for again whenever its row says it has grown.
  }, [uid, study.instance_count]);
  return { detail: detail?.study_instance_uid === uid ? detail : null, failed };
}

function Thumbnails(props: { study: StudyRow; series: SeriesRow[]; onLook: (series?: string) => void }): JSX.Element {
  const hidden = props.series.length - THUMBNAILS;
  return (
    <>
      {props.series.slice(0, THUMBNAILS).map((series) => (
        <SeriesThumbnail key={series.series_instance_uid} studyInstanceUid={props.study.study_instance_uid} series={series} onClick={() => props.onLook(series.series_instance_uid)} />
      ))}
      {hidden > 0 && <button type="button" class="more dim" onClick={() => props.onLook()}>{t('open.more_series', { n: hidden })}</button>}
    </>
  );
}

function ThumbnailSkeletons({ count }: { count: number }): JSX.Element {
  return <>{Array.from({ length: Math.min(THUMBNAILS, Math.max(1, count)) }, (_, i) => <span key={i} class="th"><span class="pic skel" /></span>)}</>;
}

function Fact({ name, value }: { name: string; value: ComponentChildren }): JSX.Element | null {
  return value ? <><dt>{name}</dt><dd class="cut">{value}</dd></> : null;
}

function Priors({ detail }: { detail: StudyDetail | null }): JSX.Element {
  return (
    <div class="pri">
      <h2>{t('open.priors')}</h2>
      {detail?.priors.length === 0 && <span class="faint">{t('open.no_priors')}</span>}
      {detail?.priors.slice(0, 4).map((prior) => (
        <a class="p" key={prior.study_instance_uid} href={`/study/${prior.study_instance_uid}`}>
          <span class="mod">{prior.modalities[0] ?? '?'}</span>
          <span>{formatDate(prior.study_date)}</span>
          <span class="cut dim">{joined(' · ', bodyPart(prior), prior.study_description)}</span>
        </a>
      ))}
    </div>
  );
}
