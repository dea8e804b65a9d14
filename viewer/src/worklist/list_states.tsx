/** What stands in place of the rows: empty archive, nothing found, failed, not allowed, loading. */
import type { JSX } from 'preact';
import { Problem } from '../app/api';
import { formatTime } from '../app/format';
import { t } from '../app/i18n';
import { archive, session } from '../app/session';
import { CopyButton, StateBlock } from '../ui/elements';
import { Icon } from '../ui/icons';
import type { Filters } from './filters';

export function LoadingRows({ narrow }: { narrow: boolean }): JSX.Element {
  return (
    <div class="scroller" aria-busy="true">
      <span class="unseen" role="status">{t('app.loading')}</span>
      {Array.from({ length: narrow ? 8 : 20 }, (_, i) => (
        <div key={i} class="skr" aria-hidden="true">
          {[12, 96 + ((i * 37) % 64), 64, 84, 28, 120 + ((i * 53) % 90)].map((width, j) => (
            <span key={j} class="skel" style={{ width: `${width}px`, height: j === 4 ? '18px' : '12px' }} />
          ))}
        </div>
      ))}
    </div>
  );
}

export function ListFailed({ failure, onRetry }: { failure: unknown; onRetry: () => void }): JSX.Element {
  if (failure instanceof Problem && failure.status === 403) {
    const user = session.value?.display_name || session.value?.user_name || '';
    return <StateBlock icon="lock" title={t('list.forbidden_title')} why={t('list.forbidden_why', { user })} alert />;
  }
  const why = failure instanceof Problem ? t('list.failed_reason', { reason: failure.message }) : t('list.failed_unreachable');
  return (
    <StateBlock icon="warn" tone="red" title={t('list.failed_title')} why={why} alert>
      <button type="button" class="btn primary" onClick={onRetry}>{t('app.retry')}</button>
    </StateBlock>
  );
}

/** Says what was searched, and widens it with one tap. */
export function NothingFound({ filters, onChange }: { filters: Filters; onChange: (change: Partial<Filters>) => void }): JSX.Element {
  const words = filters.words.trim();
  const modalities = filters.modalities.join(', ');
  const where = [
    filters.days !== 'all' ? t('list.searched_days', { days: t(`days.${filters.days}`) }) : '',
    modalities ? t('list.searched_modalities', { modalities }) : '',
  ].filter(Boolean);
  const ways = [
    filters.days !== 'all' && { label: t('list.widen_days'), change: { days: 'all' as const } },
    modalities && { label: t('list.widen_modalities', { modalities }), change: { modalities: [] } },
    words && { label: t('list.widen_words'), change: { words: '' } },
  ].filter((way) => typeof way === 'object');
  return (
    <StateBlock
      icon="search"
      title={words ? t('list.nothing_title', { words }) : t('list.nothing_title_no_words')}
      why={t('list.searched_in', { where: where.join('; ') || t('list.searched_all') })}
    >
      {ways.map(({ label, change }, i) => (
        <button type="button" key={label} class={`btn ${i === 0 ? 'primary' : ''}`} onClick={() => onChange(change)}>{label}</button>
      ))}
    </StateBlock>
  );
}

export function OfflineNote({ since }: { since: Date }): JSX.Element {
  return (
    <div class="offline amber" role="status">
      <Icon name="offline" />{t('list.offline', { time: formatTime(since.toTimeString()) })}
    </div>
  );
}

/** The first day: where to send images. */
export function EmptyArchive(): JSX.Element {
  const info = archive.value;
  if (!info) return <LoadingRows narrow={false} />;
  const title = info.ae_title;
  const host = reachableHost(info.dicom_host);
  const port = String(info.dicom_port);
  return (
    <div class="first-day">
      <svg class="art" viewBox="0 0 220 120" aria-hidden="true">
        <g fill="none" stroke="currentColor" stroke-width="1.5">
          <rect x="10" y="22" width="76" height="76" rx="14" /><circle cx="48" cy="60" r="22" /><path d="M26 98v8h44v-8M96 60h34" stroke-dasharray="0" />
          <path d="m125 55 6 5-6 5" /><rect x="140" y="22" width="70" height="76" rx="6" /><path d="M140 42h70M152 56h34M152 68h44M152 80h26" />
        </g>
      </svg>
      <h1>{t('empty.title')}</h1>
      <p class="dim">{t('empty.what_to_do')}</p>
      <div class="addr">
        <div><span>{t('empty.ae_title')}</span><b>{title}</b><CopyButton icon text={title} label={t('empty.copy_ae_title')} /></div>
        <div><span>{t('empty.address')}</span><b>{host}</b><CopyButton icon text={host} label={t('empty.copy_address')} /></div>
        <div><span>{t('empty.port')}</span><b>{port}</b><CopyButton icon text={port} label={t('empty.copy_port')} /></div>
      </div>
      {isLoopback(host) && <p class="amber loop"><Icon name="warn" size="s" /> {t('empty.loopback', { host })}</p>}
      <h2>{t('empty.try')}</h2>
      <StorescuLine command={`storescu -v -aec ${title} ${host} ${port} +sd +r ./dicom`} />
    </div>
  );
}

function StorescuLine({ command }: { command: string }): JSX.Element {
  return <div class="code"><code>{command}</code><CopyButton text={command} label={t('app.copy')} /></div>;
}

/** An archive that listens on every address is reached under the one this page came from. */
function reachableHost(host: string): string {
  return host === '0.0.0.0' || host === '::' || host === '' ? location.hostname : host;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
