// What a label means, in the words of the course's glossary.

const MEANINGS = {
  Abnormal: "anything that is not normal",
  Atelectasis: "lung that has lost air and volume",
  Cardiomegaly: "an enlarged heart",
  "Pleural Effusion": "fluid in the pleural space, outside the lung",
  Infiltration: "a vague word for a dense patch of lung",
  Mass: "a dense spot of 3 cm or more",
  Nodule: "a dense spot of less than 3 cm",
  Pneumonia: "an infection of the lung",
  Pneumothorax: "air in the pleural space, outside the lung",
  Consolidation: "lung whose air is replaced by something as dense as water",
  Edema: "fluid that has left the vessels of the lung",
  Emphysema: "loss of the walls between the lung's air sacs",
  Fibrosis: "scarred lung",
  "Pleural Thickening": "thickened lining of the lung or the chest wall",
  Hernia: "stomach that has slipped through the diaphragm",
  "Lung Opacity": "any dense patch of lung",
  "Lung Lesion": "a mass or a nodule",
  "Enlarged Cardiomediastinum": "a widened heart and middle of the chest",
  Fracture: "a broken bone",
  "Support Devices": "tubes, lines, a pacemaker",
  "Pleural Other": "something else of the lining of the lung",
  "No Finding": "nothing of what is looked for",
};

export const plain = (label) => label.replaceAll("_", " ");

export const meaning = (label) => MEANINGS[plain(label)] ?? "";
