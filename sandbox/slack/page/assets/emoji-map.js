/** Shortcodes and their characters. Names that Slack and the common emoji lists share; several names may give one character. */

const TABLE = `
+1 thumbsup 👍|-1 thumbsdown 👎|100 💯|1234 🔢|airplane ✈️|alarm_clock ⏰|alien 👽|ambulance 🚑|anchor ⚓|angry 😠|
apple 🍎|arrow_down ⬇️|arrow_left ⬅️|arrow_right ➡️|arrow_up ⬆️|arrow_upper_right ↗️|arrow_lower_right ↘️|arrows_counterclockwise 🔄|
arrows_clockwise 🔃|art 🎨|astonished 😲|baby 👶|balloon 🎈|bar_chart 📊|battery 🔋|beer 🍺|beers 🍻|beetle 🐞|bell 🔔|no_bell 🔕|
bike 🚲|bird 🐦|birthday 🎂|black_circle ⚫|black_square ⬛|blue_book 📘|blue_heart 💙|blush 😊|bomb 💣|book 📖|bookmark 🔖|
bookmark_tabs 📑|books 📚|boom collision 💥|bow 🙇|brain 🧠|bricks 🧱|bridge_at_night 🌉|briefcase 💼|broken_heart 💔|bug 🐛|
building_construction 🏗️|bulb 💡|bullettrain_side 🚄|bust_in_silhouette 👤|busts_in_silhouette 👥|cake 🍰|calendar 📆|
spiral_calendar_pad 🗓️|call_me_hand 🤙|camera 📷|card_file_box 🗃️|card_index 📇|card_index_dividers 🗂️|cat 🐱|chart 💹|
chart_with_downwards_trend 📉|chart_with_upwards_trend 📈|checkered_flag 🏁|cherry_blossom 🌸|clap 👏|clipboard 📋|
clock1 🕐|clock3 🕒|clock6 🕕|clock9 🕘|closed_book 📕|closed_lock_with_key 🔐|cloud ☁️|coffee ☕|cold_sweat 😰|computer 💻|
confetti_ball 🎊|confused 😕|construction 🚧|construction_worker 👷|control_knobs 🎛️|cookie 🍪|cool 🆒|copyright ©️|cop 👮|
crescent_moon 🌙|crossed_fingers 🤞|crossed_swords ⚔️|crown 👑|cry 😢|crystal_ball 🔮|cyclone 🌀|dart 🎯|dash 💨|date 📅|
desktop_computer 🖥️|detective 🕵️|diamond_shape_with_a_dot_inside 💠|disappointed 😞|dizzy 💫|dna 🧬|dog 🐶|dollar 💵|
door 🚪|droplet 💧|dvd 📀|ear 👂|earth_africa 🌍|earth_americas 🌎|earth_asia 🌏|eight 8️⃣|electric_plug 🔌|elephant 🐘|
email envelope ✉️|e-mail 📧|exclamation heavy_exclamation_mark ❗|bangbang ‼️|interrobang ⁉️|exploding_head 🤯|eye 👁️|eyes 👀|
face_palm facepalm 🤦|face_with_monocle 🧐|facepunch punch 👊|factory 🏭|fast_forward ⏩|file_cabinet 🗄️|file_folder 📁|fire 🔥|
fire_engine 🚒|fire_extinguisher 🧯|firecracker 🧨|fireworks 🎆|fish 🐟|fist ✊|five 5️⃣|flashlight 🔦|floppy_disk 💾|flushed 😳|
four 4️⃣|fox_face 🦊|free 🆓|fried_egg 🍳|frog 🐸|frowning 😦|fuelpump ⛽|game_die 🎲|gear ⚙️|gem 💎|ghost 👻|gift 🎁|
globe_with_meridians 🌐|goat 🐐|green_book 📗|green_heart 💚|grey_exclamation ❕|grey_question ❔|grimacing 😬|grin 😁|grinning 😀|
guardsman 💂|hammer 🔨|hammer_and_wrench 🛠️|handshake 🤝|hatching_chick 🐣|hammer_and_pick ⚒️|headphones 🎧|hear_no_evil 🙉|
heart ❤️|heart_eyes 😍|heavy_check_mark ✔️|heavy_minus_sign ➖|heavy_plus_sign ➕|heavy_division_sign ➗|heavy_multiplication_x ✖️|
helmet_with_white_cross ⛑️|herb 🌿|hole 🕳️|honeybee bee 🐝|hospital 🏥|hotsprings ♨️|hourglass ⌛|hourglass_flowing_sand ⏳|house 🏠|
hugging_face hugs 🤗|hushed 😯|ice_cube 🧊|id 🆔|inbox_tray 📥|incoming_envelope 📨|information_source ℹ️|joy 😂|joystick 🕹️|key 🔑|
keyboard ⌨️|kiss 💋|label 🏷️|large_blue_circle 🔵|large_blue_diamond 🔷|large_blue_square 🟦|large_brown_circle 🟤|
large_green_circle green_circle 🟢|large_green_square 🟩|large_orange_circle orange_circle 🟠|large_orange_diamond 🔶|
large_orange_square 🟧|large_purple_circle purple_circle 🟣|large_red_square 🟥|large_yellow_circle yellow_circle 🟡|
large_yellow_square 🟨|laughing 😆|leaves 🍃|ledger 📒|left_right_arrow ↔️|level_slider 🎚️|light_bulb 💡|link 🔗|lock 🔒|
lock_with_ink_pen 🔏|loop ➿|lotus_position 🧘|loud_sound 🔊|loudspeaker 📢|low_brightness 🔅|magic_wand 🪄|mag 🔍|mag_right 🔎|
mailbox 📫|male-firefighter 👨‍🚒|map world_map 🗺️|mask 😷|medal 🏅|mega 📣|memo pencil 📝|microphone 🎤|microscope 🔬|
money_with_wings 💸|moneybag 💰|monkey 🐒|moon 🌔|mountain ⛰️|movie_camera 🎥|muscle 💪|mute 🔇|nauseated_face 🤢|neutral_face 😐|
new 🆕|newspaper 📰|nine 9️⃣|no_entry ⛔|no_entry_sign 🚫|no_good 🙅|notebook 📓|notebook_with_decorative_cover 📔|notes 🎶|
nut_and_bolt 🔩|o ⭕|ocean 🌊|octagonal_sign stop_sign 🛑|octopus 🐙|ok 🆗|ok_hand 👌|ok_woman 🙆|old_key 🗝️|on 🔛|one 1️⃣|
open_book 📖|open_file_folder 📂|open_mouth 😮|orange_book 📙|orange_heart 🧡|outbox_tray 📤|package 📦|page_facing_up 📄|
page_with_curl 📃|pager 📟|palm_tree 🌴|panda_face 🐼|paperclip 📎|paperclips 🖇️|partly_sunny ⛅|party_popper tada 🎉|pause_button double_vertical_bar ⏸️|
peach 🍑|pen lower_left_ballpoint_pen 🖊️|pencil2 ✏️|penguin 🐧|pensive 😔|person_running runner running 🏃|petri_dish 🧫|phone telephone ☎️|
pick ⛏️|pill 💊|pineapple 🍍|pizza 🍕|play_or_pause_button ⏯️|point_down 👇|point_left 👈|point_right 👉|point_up ☝️|point_up_2 👆|
police_car 🚓|poop hankey shit 💩|popcorn 🍿|pray 🙏|printer 🖨️|purple_heart 💜|pushpin 📌|puzzle_piece jigsaw 🧩|question ❓|
rabbit 🐰|racing_car 🏎️|radio 📻|radio_button 🔘|rage 😡|railway_track 🛤️|rain_cloud 🌧️|rainbow 🌈|raised_hand hand ✋|raised_hands 🙌|
raising_hand 🙋|receipt 🧾|recycle ♻️|red_car car 🚗|red_circle 🔴|registered ®️|relaxed ☺️|relieved 😌|repeat 🔁|
revolving_hearts 💞|rewind ⏪|ribbon 🎀|ring 💍|robot_face robot 🤖|rocket 🚀|rolled_up_newspaper 🗞️|rolling_on_the_floor_laughing rofl 🤣|
rose 🌹|rotating_light 🚨|round_pushpin 📍|rowboat 🚣|sad 😢|safety_pin 🧷|safety_vest 🦺|sailboat ⛵|sandwich 🥪|satellite 🛰️|satellite_antenna 📡|
scales ⚖️|school 🏫|scissors ✂️|scream 😱|scroll 📜|see_no_evil 🙈|seedling 🌱|seven 7️⃣|shield 🛡️|ship 🚢|shopping_trolley 🛒|
shrug 🤷|signal_strength 📶|six 6️⃣|skull 💀|skull_and_crossbones ☠️|sleeping 😴|sleuth_or_spy 🕵️|slightly_frowning_face 🙁|
slightly_smiling_face 🙂|small_blue_diamond 🔹|small_orange_diamond 🔸|small_red_triangle 🔺|small_red_triangle_down 🔻|smile 😄|smiley 😃|
smirk 😏|snail 🐌|snake 🐍|snowflake ❄️|sob 😭|soon 🔜|sos 🆘|sound 🔉|space_invader 👾|sparkle ❇️|sparkles ✨|sparkling_heart 💖|
speak_no_evil 🙊|speaker 🔈|speech_balloon 💬|spider 🕷️|spider_web 🕸️|sponge 🧽|star ⭐|star2 🌟|star-struck 🤩|stars 🌠|
statue_of_liberty 🗽|steam_locomotive 🚂|stethoscope 🩺|stop_button black_square_for_stop ⏹️|stopwatch ⏱️|straight_ruler 📏|
stuck_out_tongue 😛|sunflower 🌻|sunglasses 😎|sunny ☀️|sunrise 🌅|sweat 😓|sweat_smile 😅|table_tennis_paddle_and_ball 🏓|taco 🌮|
tea 🍵|telescope 🔭|test_tube 🧪|thermometer 🌡️|thinking_face thinking 🤔|thought_balloon 💭|three 3️⃣|thunder_cloud_and_rain ⛈️|
ticket 🎫|tiger 🐯|timer_clock ⏲️|tired_face 😫|tm ™️|toolbox 🧰|tools 🛠️|top 🔝|tornado 🌪️|tractor 🚜|traffic_light 🚥|
vertical_traffic_light 🚦|triangular_flag_on_post 🚩|triangular_ruler 📐|trophy 🏆|truck 🚚|turtle 🐢|twisted_rightwards_arrows 🔀|two 2️⃣|
umbrella ☔|unamused 😒|unicorn_face 🦄|unlock 🔓|up 🆙|upside_down_face 🙃|v ✌️|vibration_mode 📳|video_camera 📹|vs 🆚|
walking 🚶|warning ⚠️|wastebasket 🗑️|watch ⌚|water_wave 🌊|wave 👋|weary 😩|whale 🐳|wheel_of_dharma ☸️|white_check_mark ✅|white_circle ⚪|
white_large_square ⬜|white_square_button 🔳|wind_blowing_face 🌬️|wine_glass 🍷|wink 😉|wolf 🐺|woman-firefighter 👩‍🚒|worried 😟|wrench 🔧|
x ❌|yellow_heart 💛|yum 😋|zany_face 🤪|zap ⚡|zero 0️⃣|zipper_mouth_face 🤐|zzz 💤|negative_squared_cross_mark ❎|ballot_box_with_check ☑️|
arrow_forward ▶️|arrow_backward ◀️|arrow_right_hook ↪️|leftwards_arrow_with_hook ↩️|arrow_up_down ↕️|eject ⏏️|infinity ♾️|
military_medal 🎖️|first_place_medal 🥇|second_place_medal 🥈|third_place_medal 🥉|hot_face 🥵|cold_face 🥶|saluting_face 🫡|melting_face 🫠|
nerd_face 🤓|partying_face 🥳|pleading_face 🥺|people_hugging 🫂|heart_on_fire ❤️‍🔥|ladder 🪜|axe 🪓|screwdriver 🪛|probing_cane 🦯|abacus 🧮`;

/** @type {Map<string, string>} */
export const EMOJI = new Map();
for (const entry of TABLE.replaceAll("\n", "").split("|")) {
  const words = entry.trim().split(" ");
  const character = words.pop();
  for (const name of words) EMOJI.set(name, character);
}

/** Those the page draws itself (assets/emoji.svg), so that a status looks the same on every machine. */
export const DRAWN = new Set([
  "white_check_mark",
  "x",
  "warning",
  "rotating_light",
  "red_circle",
  "large_green_circle",
  "large_yellow_circle",
  "large_orange_circle",
  "large_blue_circle",
  "white_circle",
  "black_circle",
  "hourglass_flowing_sand",
  "fire",
  "eyes",
  "+1",
  "-1",
  "rocket",
  "tada",
  "bulb",
  "wrench",
  "mag",
  "lock",
  "unlock",
  "bell",
  "no_bell",
  "zap",
  "robot_face",
  "chart_with_upwards_trend",
  "chart_with_downwards_trend",
  "bar_chart",
  "memo",
  "link",
  "no_entry",
  "octagonal_sign",
  "information_source",
  "question",
  "clock3",
  "package",
  "gear",
  "shield",
  "heavy_check_mark",
  "arrows_counterclockwise",
  "leftwards_arrow_with_hook",
  "wave",
  "heart",
  "book",
  "pray",
  "clipboard",
  "key",
  "pager",
  "hammer_and_wrench",
  "globe_with_meridians",
  "page_facing_up",
  "stopwatch",
  "arrow_right",
  "bust_in_silhouette",
  "speech_balloon",
  "sparkles",
]);
