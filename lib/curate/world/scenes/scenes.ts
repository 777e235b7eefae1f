import { outdoorScenes } from './outdoors.ts';
import type { Scene, SceneName } from './scene.ts';
import { waterAndRoomScenes } from './water_and_rooms.ts';

const all: readonly Scene[] = [...outdoorScenes, ...waterAndRoomScenes];

/** Every scene by its name. */
export const scenes = Object.fromEntries(all.map((scene) => [scene.name, scene])) as Readonly<
  Record<SceneName, Scene>
>;
