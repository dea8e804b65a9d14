/** The person at the right of the bar: language, password, sign out. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../app/api';
import { known, language, t } from '../app/i18n';
import { changeLanguage, changePassword, publicInfo, session, signOut } from '../app/session';
import type { LanguageCode } from '../app/wire';
import { initials } from '../dicom/person_name';
import { Dialog } from './elements';
import { Icon } from './icons';
import { joined } from './study_words';

const LANGUAGES: ReadonlyArray<readonly [LanguageCode, string]> = [
  ['vi', 'Tiếng Việt'],
  ['en', 'English'],
];

export function LanguageChips(): JSX.Element {
  return (
    <div class="chips" role="group" aria-label={t('app.language')}>
      {LANGUAGES.map(([code, name]) => (
        <button type="button" key={code} class="chip" lang={code} aria-pressed={language.value === code} onClick={() => void changeLanguage(code)}>
          {name}
        </button>
      ))}
    </div>
  );
}

export function AccountMenu({ compact = false }: { compact?: boolean }): JSX.Element | null {
  const [open, setOpen] = useState(false);
  const [changing, setChanging] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => (open ? closeOutside(root.current, () => setOpen(false)) : undefined), [open]);
  const person = session.value;
  if (!person) return null;
  const name = person.display_name || person.user_name;
  // With sign-in switched off there is nobody to sign out and no password to change.
  const personal = publicInfo.value?.auth !== 'none';
  return (
    <div ref={root} style="position:relative">
      <button type="button" class="who" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="unseen">{t('account.menu')}:</span>
        <span class="avatar" aria-hidden="true">{initials(name)}</span>
        <span class={compact ? 'unseen' : ''}>{name}</span>
        {!compact && <Icon name="down" size="s" />}
      </button>
      {open && (
        <div class="menu">
          <div class="about">
            <div class="hi cut">{name}</div>
            <div class="faint">{joined(' · ', person.user_name, known(`role.${person.role}`) ?? person.role)}</div>
          </div>
          <LanguageChips />
          {personal && (
            <button type="button" class="item" onClick={() => { setOpen(false); setChanging(true); }}>
              <Icon name="key" />{t('account.change_password')}
            </button>
          )}
          {personal && (
            <button type="button" class="item" onClick={() => void signOut()}>
              <Icon name="leave" />{t('account.sign_out')}
            </button>
          )}
        </div>
      )}
      {changing && <PasswordDialog onClose={() => setChanging(false)} />}
    </div>
  );
}

function closeOutside(root: HTMLElement | null, close: () => void): () => void {
  const onPointer = (event: Event): void => {
    if (!root?.contains(event.target as Node)) close();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    root?.querySelector<HTMLElement>('.who')?.focus();
    close();
  };
  document.addEventListener('pointerdown', onPointer);
  document.addEventListener('keydown', onKey, true);
  return () => {
    document.removeEventListener('pointerdown', onPointer);
    document.removeEventListener('keydown', onKey, true);
  };
}

function PasswordDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const [said, setSaid] = useState({ text: '', bad: false });
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const next = String(form.get('new'));
    if (next !== form.get('again')) return setSaid({ text: t('account.passwords_differ'), bad: true });
    try {
      await changePassword(String(form.get('current')), next);
      setSaid({ text: t('account.password_changed'), bad: false });
    } catch (error) {
      setSaid({ text: explain(error), bad: true });
    }
  };
  return (
    <Dialog title={t('account.change_password')} onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <input type="text" hidden autocomplete="username" value={session.value?.user_name ?? ''} />
        <PasswordField name="current" label={t('account.current_password')} autocomplete="current-password" />
        <PasswordField name="new" label={t('account.new_password')} autocomplete="new-password" />
        <PasswordField name="again" label={t('account.repeat_password')} autocomplete="new-password" />
        <p role="alert" class={said.bad ? 'error' : 'dim'} hidden={!said.text}>{said.text}</p>
        <button class="btn primary">{t('account.save')}</button>
      </form>
    </Dialog>
  );
}

function explain(error: unknown): string {
  if (!(error instanceof Problem)) return t('sign_in.unreachable');
  return error.status === 401 ? t('account.current_wrong') : t('account.refused', { reason: error.message });
}

function PasswordField({ name, label, autocomplete }: { name: string; label: string; autocomplete: 'current-password' | 'new-password' }): JSX.Element {
  return (
    <label class="field">
      <span>{label}</span>
      <input class="input" type="password" name={name} required autocomplete={autocomplete} />
    </label>
  );
}
