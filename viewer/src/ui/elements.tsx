/** Small parts that more than one page uses. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../app/i18n';
import { Icon, type IconName } from './icons';

/** A state of a page or a part of it: what, why, and what to do about it. */
export function StateBlock(props: {
  icon: IconName;
  tone?: 'red' | 'amber' | '';
  title: string;
  why?: ComponentChildren;
  children?: ComponentChildren;
  alert?: boolean;
}): JSX.Element {
  return (
    <div class="state" role={props.alert ? 'alert' : 'status'}>
      <Icon name={props.icon} size="l" tone={props.tone ?? ''} />
      <h2>{props.title}</h2>
      {props.why && <p>{props.why}</p>}
      {props.children && <div class="todo">{props.children}</div>}
    </div>
  );
}

/** Puts text on the clipboard and says that it did. */
export function CopyButton({ text, label, icon = false }: { text: string; label: string; icon?: boolean }): JSX.Element {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (): void => {
    void copyText(text).then(setCopied);
  };
  const drawing = <Icon name={copied ? 'check' : 'copy'} />;
  const said = <span class="unseen" role="status">{copied ? t('app.copied') : ''}</span>;
  return icon ? (
    <button type="button" class="ib" aria-label={label} title={label} onClick={copy}>{drawing}{said}</button>
  ) : (
    <button type="button" class="btn" onClick={copy}>{drawing}{copied ? t('app.copied') : label}{said}</button>
  );
}

/** The clipboard needs https or localhost; a hospital's plain http address falls back to a selection. */
async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text).then(() => true, () => false);
  }
  const field = document.createElement('textarea');
  field.value = text;
  document.body.append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  return copied;
}

/** A modal dialog; Escape and the cross close it, focus returns to where it was. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    element.current?.showModal();
    return () => before?.focus?.();
  }, []);
  return (
    <dialog class="dialog" ref={element} onClose={onClose} aria-labelledby="dialog-title">
      <header>
        <h2 id="dialog-title">{title}</h2>
        <button type="button" class="ib" aria-label={t('app.close')} onClick={() => element.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}

export function ShortcutDialog({ shortcuts, onClose }: { shortcuts: ReadonlyArray<readonly [string, string]>; onClose: () => void }): JSX.Element {
  return (
    <Dialog title={t('app.shortcuts')} onClose={onClose}>
      <dl class="keys">
        {shortcuts.map(([keys, what]) => [
          <dt key={keys}>{keys.split(' ').map((key) => <kbd key={key}>{key.replace('_', ' ')}</kbd>)}</dt>,
          <dd key={what}>{what}</dd>,
        ])}
      </dl>
    </Dialog>
  );
}

/** A picture that steps aside for an icon when the archive cannot draw one. */
export function Picture({ src, icon = 'document' }: { src: string | null; icon?: IconName }): JSX.Element {
  const [broken, setBroken] = useState<string | null>(null);
  if (!src || broken === src) return <Icon name={icon} size="l" />;
  return <img src={src} alt="" loading="lazy" decoding="async" onError={() => setBroken(src)} />;
}

/** True while the screen is as narrow as a phone. */
export function useNarrow(): boolean {
  const [query] = useState(() => matchMedia('(max-width: 760px)'));
  const [narrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const listen = (): void => setNarrow(query.matches);
    query.addEventListener('change', listen);
    return () => query.removeEventListener('change', listen);
  }, [query]);
  return narrow;
}

/** True when a key press belongs to a field or a dialog and not to the page. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  return target.matches('input, textarea, select') || target.closest('dialog') !== null;
}
