// Plays a tone for urgent events. It is off until the person switches it on; the browser stores that choice.

const STORED = "firstclaim-sound";

export const sound = {
  on: localStorage.getItem(STORED) === "on",

  /** @param {HTMLElement} button that switches the sound */
  bind(button) {
    const show = () => {
      button.setAttribute("aria-pressed", String(this.on));
      button.textContent = this.on ? "Sound on" : "Sound off";
      button.title = "A tone when a lead is offered to you";
    };
    button.addEventListener("click", () => {
      this.on = !this.on;
      localStorage.setItem(STORED, this.on ? "on" : "off");
      show();
      this.play();
    });
    show();
  },

  play() {
    if (!this.on) return;
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    volume.gain.setValueAtTime(0.15, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.6);
    tone.frequency.value = 740;
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.6);
    tone.onended = () => audio.close();
  },
};
