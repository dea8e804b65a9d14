/** Who is signed in, and what the archive says about itself. */
import { computed, signal } from '@preact/signals-core';
import { getJson, Problem, send } from './api';
import { chooseLanguage, rememberedLanguage } from './i18n';
import type { ArchiveInfo, LanguageCode, PublicInfo, SessionInfo } from './wire';

/** undefined while not yet asked, null when nobody is signed in. */
export const session = signal<SessionInfo | null | undefined>(undefined);
export const publicInfo = signal<PublicInfo | null>(null);
export const archive = signal<ArchiveInfo | null>(null);

export const institutionName = computed(() => archive.value?.name || publicInfo.value?.name || '');

/** Finds out who we are; sets `session` to null when signing in is needed. */
export async function openSession(): Promise<void> {
  try {
    await acceptSession(await getJson<SessionInfo>('/api/session'));
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) throw error;
    session.value = null;
  }
}

let askingPublic: Promise<PublicInfo> | null = null;

export async function loadPublicInfo(): Promise<void> {
  if (publicInfo.value) return;
  askingPublic ??= getJson<PublicInfo>('/api/public').finally(() => (askingPublic = null));
  publicInfo.value = await askingPublic;
  // The archive's language serves whoever has chosen none, neither as a person nor on this machine.
  if (!session.value?.language && !rememberedLanguage()) await chooseLanguage(publicInfo.value.language);
}

let askingArchive: Promise<ArchiveInfo> | null = null;

export async function loadArchive(): Promise<void> {
  if (archive.value) return;
  askingArchive ??= getJson<ArchiveInfo>('/api/archive').finally(() => (askingArchive = null));
  archive.value = await askingArchive;
}

export async function signIn(userName: string, password: string): Promise<void> {
  const answer = await send('POST', '/api/session', { user_name: userName, password });
  await acceptSession((await answer.json()) as SessionInfo);
}

export async function signOut(): Promise<void> {
  await send('DELETE', '/api/session');
  endSession();
}

const whenEnded: Array<() => void> = [];

/** Names what must be forgotten when the person leaves. */
export function onSessionEnd(forget: () => void): void {
  whenEnded.push(forget);
}

/** Forgets the person here; nothing of their patients stays on the page. */
export function endSession(): void {
  session.value = null;
  archive.value = null;
  whenEnded.forEach((forget) => forget());
}

export async function changeLanguage(language: LanguageCode): Promise<void> {
  await chooseLanguage(language, { remember: true });
  if (session.value) await send('PUT', '/api/session/language', { language });
}

export async function changePassword(current: string, next: string): Promise<void> {
  await send('POST', '/api/session/password', { current, new: next });
}

async function acceptSession(info: SessionInfo): Promise<void> {
  if (info.language) await chooseLanguage(info.language);
  session.value = info;
}
