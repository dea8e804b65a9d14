/** The bar across the top of every page a person works in. */
import type { JSX } from 'preact';
import { t } from '../app/i18n';
import { institutionName } from '../app/session';
import { AccountMenu } from './account_menu';
import { Icon, type IconName } from './icons';

interface Room {
  readonly path: string;
  readonly icon: IconName;
  readonly name: 'worklist.title';
}

/** The rooms of the house; a new one is a line here and a route in `app/app.tsx`. */
const ROOMS: readonly Room[] = [{ path: '/', icon: 'list', name: 'worklist.title' }];

export function Bar({ current, onShortcuts }: { current: string; onShortcuts: () => void }): JSX.Element {
  return (
    <header class="bar">
      <a class="skip btn" href="#main">{t('app.skip')}</a>
      <div class="brand">
        <Icon name="mark" />
        <span class="cut">{institutionName.value || t('app.title')}</span>
      </div>
      <nav class="nav" aria-label={t('app.main_navigation')}>
        {ROOMS.map((room) => (
          <a key={room.path} href={room.path} aria-current={room.path === current ? 'page' : undefined}>
            <Icon name={room.icon} />{t(room.name)}
          </a>
        ))}
      </nav>
      <span class="grow" />
      <button type="button" class="ib" aria-label={t('app.shortcuts')} title={t('app.shortcuts')} onClick={onShortcuts}>
        <Icon name="keyboard" />
      </button>
      <AccountMenu />
    </header>
  );
}
