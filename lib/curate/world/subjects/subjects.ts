import { StylearError } from '../../../error.ts';
import { belongings } from './belongings.ts';
import { buildings } from './buildings.ts';
import { household } from './household.ts';
import { landVehicles } from './land_vehicles.ts';
import { petsAndCattle } from './pets_and_cattle.ts';
import { plants } from './plants.ts';
import { shipsAndAircraft } from './ships_and_aircraft.ts';
import type { Subject } from './subject.ts';
import { waterAnimals } from './water_animals.ts';
import { wildAnimals } from './wild_animals.ts';

/** Every subject; the place in this list is what a classifier may use as its class. */
export const subjects: readonly Subject[] = [
  ...petsAndCattle,
  ...wildAnimals,
  ...waterAnimals,
  ...landVehicles,
  ...shipsAndAircraft,
  ...buildings,
  ...plants,
  ...household,
  ...belongings,
];

const byName = new Map(subjects.map((subject) => [subject.name, subject]));

/** @throws `ERR_VALUE` when there is no subject of that name */
export function subjectNamed(name: string): Subject {
  const subject = byName.get(name);
  if (subject) return subject;
  throw new StylearError(
    'ERR_VALUE',
    `subjectNamed: expected name to be that of a subject, got ${JSON.stringify(name)}. ` +
      'Take one of `subjects`',
  );
}
