import { verifyVqgan } from '../../lib/verify/vqgan.ts';
import { everyCheckPasses } from '../support/golden.ts';

everyCheckPasses('vqgan', verifyVqgan);
