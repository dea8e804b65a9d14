/** Saves an instance, or the document inside one, as a file. */
import { request } from '../app/api';
import { text, type DicomJson, inlineBytes } from '../dicom/json';
import { firstPart } from '../dicom/multipart';
import * as tag from '../dicom/tags';
import { fetchBulk } from './stack';

/** The DICOM file of an instance, exactly as the archive keeps it. */
export async function downloadInstance(instanceAddress: string, sopInstanceUid: string): Promise<void> {
  const accept = 'multipart/related; type="application/dicom"; transfer-syntax=*';
  const response = await request(instanceAddress, { headers: { Accept: accept } });
  const body = new Uint8Array(await response.arrayBuffer());
  const file = firstPart(body, response.headers.get('Content-Type') ?? '').slice();
  save(new Blob([file], { type: 'application/dicom' }), `${sopInstanceUid}.dcm`);
}

/** True when the instance carries a PDF that a reader can open elsewhere. */
export function hasPdf(dataset: DicomJson): boolean {
  return text(dataset, tag.MIMETypeOfEncapsulatedDocument) === 'application/pdf' && dataset[tag.EncapsulatedDocument] !== undefined;
}

export async function downloadPdf(dataset: DicomJson): Promise<void> {
  const attribute = dataset[tag.EncapsulatedDocument];
  const bytes = attribute?.BulkDataURI ? await fetchBulk(attribute.BulkDataURI, 'application/pdf') : inlineBytes(attribute);
  const name = text(dataset, tag.DocumentTitle).replace(/[\\/:*?"<>|\p{Cc}]+/gu, ' ').trim() || text(dataset, tag.SOPInstanceUID);
  save(new Blob([new Uint8Array(bytes ?? [])], { type: 'application/pdf' }), `${name}.pdf`);
}

function save(blob: Blob, fileName: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has read the address by the next turn of its own.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
