/** A series as a small picture with its number, count and, in the viewer, how much of it is loaded. */
import type { JSX } from 'preact';
import { formatNumber } from '../app/format';
import { t } from '../app/i18n';
import type { SeriesRow } from '../app/wire';
import { Picture } from './elements';

export function seriesName(series: SeriesRow): string {
  return series.series_description || series.protocol_name || series.modality || t('look.series_number', { n: series.series_number ?? '?' });
}

export function thumbnailAddress(studyInstanceUid: string, series: SeriesRow): string | null {
  if (!series.cover) return null;
  return `/dicom-web/studies/${studyInstanceUid}/series/${series.series_instance_uid}/thumbnail?viewport=208,168`;
}

export function SeriesThumbnail(props: {
  studyInstanceUid: string;
  series: SeriesRow;
  current?: boolean;
  /** 0 to 1; left out where nothing is being loaded. */
  cached?: number;
  onClick: () => void;
}): JSX.Element {
  const { series } = props;
  const count = Math.max(series.frame_count, series.instance_count);
  return (
    <button
      type="button" class="th" aria-current={props.current ? 'true' : undefined} title={seriesName(series)}
      onClick={(event) => { event.stopPropagation(); props.onClick(); }}
    >
      <span class="pic">
        <Picture src={thumbnailAddress(props.studyInstanceUid, series)} />
        <span class="k">{series.series_number ?? ''}</span>
        <span class="n">{formatNumber(count)}</span>
        {props.cached !== undefined && <span class="cache"><i style={{ width: `${Math.round(props.cached * 100)}%` }} /></span>}
      </span>
      <span class="cap cut">{seriesName(series)}</span>
    </button>
  );
}
