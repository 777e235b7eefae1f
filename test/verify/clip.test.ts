import { verifyClip } from '../../lib/verify/clip.ts';
import { everyCheckPasses } from '../support/golden.ts';

everyCheckPasses('clip', verifyClip);
